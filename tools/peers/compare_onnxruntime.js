// compare_onnxruntime.js MODEL.onnx HxW INPUT OUT: onnxruntime's side of tools/compare_peers.sh. INPUT and OUT are float32: the
// picture [height, width, 3], and each output [channels, height, width] as the model gives it. Speaks a peer's language, see
// compare_torch.py. $THREADS: threads, 2 if it is not set.
const fs = require('fs');
const readline = require('readline');
const ort = require('onnxruntime-node');

async function main([model, size, input, out]) {
    const session = await ort.InferenceSession.create(model, {
        intraOpNumThreads: +(process.env.THREADS || 2), interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all'});
    const [height, width] = size.split('x').map(Number);
    const bytes = fs.readFileSync(input);
    const picture = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const planes = new Float32Array(picture.length);
    for (let i = 0; i < picture.length; i++) planes[(i % 3) * height * width + Math.floor(i / 3)] = picture[i];
    const feeds = {images: new ort.Tensor('float32', planes, [1, 3, height, width])};
    const results = await session.run(feeds);
    const file = fs.openSync(out, 'w');
    for (const name of session.outputNames) {
        const {data} = results[name];
        fs.writeSync(file, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
    fs.closeSync(file);
    console.log('ready');
    for await (const line of readline.createInterface({input: process.stdin})) {
        const ms = [];
        for (let i = 0; i < +line; i++) {
            const start = performance.now();
            await session.run(feeds);
            ms.push(performance.now() - start);
        }
        ms.sort((a, b) => a - b);
        console.log(ms[0], (ms[(ms.length - 1) >> 1] + ms[ms.length >> 1]) / 2);
    }
}

main(process.argv.slice(2)).catch(error => {
    console.error(String(error));
    process.exit(1);
});
