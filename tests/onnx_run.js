// onnx_run.js MODEL INPUT N H W OUTPUT: run an ONNX network with onnxruntime-node on N pictures [3, H, W] of float32 in the file
// INPUT; the outputs' numbers go to OUTPUT, one behind the other, their names and shapes to stdout. Exit code 77 without onnxruntime-node.
const fs = require('fs');
let ort;
try {
    ort = require('onnxruntime-node');
} catch (error) {
    process.exit(77);
}

async function main([model, input, n, h, w, output]) {
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1});
    const bytes = fs.readFileSync(input);
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const results = await session.run({images: new ort.Tensor('float32', numbers, [+n, 3, +h, +w])});
    const file = fs.openSync(output, 'w');
    for (const name of session.outputNames) {
        const {dims, data} = results[name];
        console.log(name, dims.join(' '));
        fs.writeSync(file, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
}

main(process.argv.slice(2)).catch(error => {
    console.error(String(error));
    process.exit(1);
});
