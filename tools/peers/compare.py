#!/usr/bin/python3
"""Ours and the peers in turn, as tools/compare_peers.sh installs them: Markdown tables on stdout, progress on stderr.

Every figure is the best of all runs and, behind it in brackets, the lower quartile of the turns' medians; ratios are theirs over
ours. A peer stands still (SIGSTOP) while it is another's turn."""
import argparse
import datetime
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "tools/peers"
CLASSES = 91
# model, height x width, runs a turn, ncnn's ms
INFER = [("r18", "320x320", 5, 80), ("r18", "512x512", 3, 195), ("r50", "512x512", 2, 323), ("r50", "800x1216", 1, 1255),
         ("r18", "427x333", 5, None)]
TRAIN = [("r18", "320x320", 4), ("r18", "512x512", 2), ("r50", "512x512", 2)]
MEMORY = [("r18", "320x320"), ("r50", "800x1216")]
POST = "800x1216"
THREADS = [("infer", "r18", "320x320", 1), ("infer", "r50", "512x512", 1), ("train", "r18", "320x320", 4)]
# torchvision's recipe: no average of the weights, no clipping, L1
TRAIN_SETTINGS = ["--set", "ema=0", "--set", "clip=0", "--set", "beta=0"]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Peer:
    """A process that speaks a peer's language (compare_torch.py)."""

    running = []  # those that must not be left standing still when this program ends

    def __init__(self, command, threads=2):
        environment = dict(os.environ, THREADS=str(threads), NODE_PATH=str(ROOT / "build/peers/node_modules"))
        self.process = subprocess.Popen([str(part) for part in command], env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        Peer.running.append(self.process)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline().split()
        if not line:
            sys.exit("compare.py: error: %s ended" % " ".join(self.process.args[:2]))
        self.process.send_signal(signal.SIGSTOP)
        return line

    def turn(self, runs):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write("%d\n" % runs)
        self.process.stdin.flush()
        best, median = map(float, self.answer())
        return best, median

    def close(self):
        """Megabytes of its highest resident memory. (getrusage would count what this program had when it began the peer.)"""
        status = pathlib.Path("/proc/%d/status" % self.process.pid).read_text()
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit("compare.py: error: %s failed" % " ".join(self.process.args[:2]))
        Peer.running.remove(self.process)
        return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) * 1024 / 1e6


class Ours:
    """bench, started anew for each turn."""

    def __init__(self, bench, mode, model, size, threads, more=()):
        self.command = [str(bench), mode, "-m", str(model), "--size", size, "--threads", str(threads), "--json", "-", *map(str, more)]
        self.last = None

    def turn(self, runs, more=()):
        command = [*self.command, "--runs", str(runs), *map(str, more)]
        process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if process.returncode != 0:
            sys.exit("compare.py: error: bench failed")
        self.last = json.loads(process.stdout)
        return self.last["ms_best"], self.last["ms_median"]


class OursPost(Ours):
    """Its post-processing alone."""

    def turn(self, runs, more=()):
        super().turn(runs, more)
        return self.last["postprocess_ms"], self.last["postprocess_ms"]


def lower_quartile(values):
    return statistics.quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def in_turn(sides, runs, turns):
    """{name: (best, lower quartile of the medians)} of {name: Ours or Peer}."""
    got = {name: [] for name in sides}
    for turn in range(turns):
        for name, side in sides.items():
            got[name].append(side.turn(runs))
        say("    turn %d of %d: %s" % (turn + 1, turns, ", ".join("%s %.1f" % (name, pairs[-1][1]) for name, pairs in got.items())))
    return {name: (min(best for best, _ in pairs), lower_quartile([median for _, median in pairs])) for name, pairs in got.items()}


def figures(pair, digits=0):
    return "%.*f (%.*f)" % (digits, pair[0], digits, pair[1])


def ratio(theirs, ours):
    return "%.2fx (%.2fx)" % (theirs[0] / ours[0], theirs[1] / ours[1])


# ---- outputs ----


def cells(size):
    height, width = map(int, size.split("x"))
    for stage in range(7):
        height, width = (height + 1) // 2, (width + 1) // 2
        if stage >= 2:
            yield height, width


def read_outputs(path, size, planes=False):
    """([logits of P3, deltas of P3, ...], boxes [n, 6]) of a file that bench or a peer wrote; planes: onnxruntime's."""
    numbers, parts, at = np.fromfile(path, np.float32), [], 0
    for height, width in cells(size):
        for columns in (9 * CLASSES, 36):
            part = numbers[at:at + height * width * columns]
            at += part.size
            parts.append(part.reshape(columns, height * width).T.ravel() if planes else part)
    return parts, numbers[at:].reshape(-1, 6)


def difference(ours, theirs):
    """max|difference| / max|reference|, logits and deltas by themselves."""
    worst = 0
    for kind in (0, 1):
        a, b = np.concatenate(ours[kind::2]), np.concatenate(theirs[kind::2])
        worst = max(worst, float(np.abs(a - b).max() / np.abs(b).max()))
    return worst


def compare_boxes(ours, theirs):
    """"300 boxes, within 0.002 px, scores within 2e-06": each of theirs beside the nearest of ours with its label."""
    if len(ours) != len(theirs):
        return "%d and %d boxes" % (len(ours), len(theirs))
    off = np.zeros(6)
    for box in theirs:
        apart = np.abs(ours[ours[:, 5] == box[5]] - box)
        if len(apart) == 0:
            return "%d boxes, labels differ" % len(ours)
        off = np.maximum(off, apart[apart[:, :4].max(axis=1).argmin()])
    return "%d boxes, within %.1g px, scores within %.1g" % (len(ours), off[:4].max(), off[4])


# ---- the tables ----


class Compare:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.bench = args.build / "bin/bench"

    def path(self, name):
        return self.folder / name

    def torch(self, *command):
        return ["/usr/bin/python3", PEERS / "compare_torch.py", *command]

    def run(self, command):
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)

    def model(self, name):
        out = self.path(name + ".safetensors")
        if not out.exists():
            state = self.path(name + ".pth")
            self.run(self.torch("make", name, state))
            self.run([self.args.build / "bin/convert", state, out])
        return out

    def pictures(self, size, batch=1):
        out = self.path("%s_%d.f32" % (size, batch))
        if not out.exists():
            self.run(self.torch("picture", size, batch, out))
        return out

    def exported(self, name, size):
        out = self.path("%s_%s.onnx" % (name, size))
        if not out.exists():
            self.run(self.torch("export", name, size, out))
        return out

    def infer_peers(self, name, size):
        picture = self.pictures(size)
        onnx = ["node", PEERS / "compare_onnxruntime.js", self.exported(name, size), size, picture, self.path("ort.f32")]
        return {"onnxruntime": Peer(onnx), "PyTorch": Peer(self.torch("infer", name, size, picture, self.path("torch.f32")))}

    def ours(self, mode, name, size, threads=2, batch=1):
        more = ["--input", self.pictures(size, batch)]
        if mode == "train":
            more += ["--batch", batch, *TRAIN_SETTINGS]
        return Ours(self.bench, mode, self.model(name), size, threads, more)

    def infer(self):
        print("| inference, batch 1, ms | ours, input to boxes | onnxruntime, convolutions alone | ratio | heads differ | PyTorch eager, input to"
              " boxes | ratio | heads differ; boxes | ncnn fp32* | ratio |")
        print("|-|-|-|-|-|-|-|-|-|-|")
        for name, size, runs, ncnn in INFER:
            say("inference %s %s" % (name, size))
            ours = self.ours("infer", name, size)
            ours.turn(1, ["--outputs", self.path("ours.f32")])
            peers = self.infer_peers(name, size)
            heads, boxes = read_outputs(self.path("ours.f32"), size)
            onnx, _ = read_outputs(self.path("ort.f32"), size, planes=True)
            torch, torch_boxes = read_outputs(self.path("torch.f32"), size)
            got = in_turn({"ours": ours, **peers}, runs, self.args.turns)
            for peer in peers.values():
                peer.close()
            print("| %s %s | %s | %s | %s | %.1g | %s | %s | %.1g; %s | %s | %s |" % (
                name.upper(), size, figures(got["ours"]), figures(got["onnxruntime"]), ratio(got["onnxruntime"], got["ours"]),
                difference(heads, onnx), figures(got["PyTorch"]), ratio(got["PyTorch"], got["ours"]), difference(heads, torch),
                compare_boxes(boxes, torch_boxes), ncnn or "-", "%.2fx" % (ncnn / got["ours"][0]) if ncnn else "-"), flush=True)
        print("\n\\* measured earlier, on two quiet cores of a Zen 4 EPYC, the convolutions alone; neither in this run nor, maybe, on this machine.\n")

    def train(self):
        print("| training step, all layers trainable, ms | ours | PyTorch | ratio | images/s | losses and gradient differ | peak MB, ours /"
              " PyTorch | share |")
        print("|-|-|-|-|-|-|-|-|")
        for name, size, batch in TRAIN:
            say("training %s %s batch %d" % (name, size, batch))
            ours = self.ours("train", name, size, batch=batch)
            first = self.path("torch.json")
            peer = Peer(self.torch("train", name, size, batch, self.pictures(size, batch), first))
            got = in_turn({"ours": ours, "PyTorch": peer}, 1, self.args.turns)
            memory, theirs = ours.last["peak_mb"], peer.close()
            want = json.loads(first.read_text())
            off = max(abs(ours.last[key] / want[key] - 1) for key in want)
            print("| %s %s, batch %d | %s | %s | %s | %.2f / %.2f | %.1g | %.0f / %.0f | %.2f |" % (
                name.upper(), size, batch, figures(got["ours"]), figures(got["PyTorch"]), ratio(got["PyTorch"], got["ours"]),
                1e3 * batch / got["ours"][0], 1e3 * batch / got["PyTorch"][0], off, memory, theirs,
                memory / theirs), flush=True)
        print()

    def memory(self):
        print("| peak memory of inference, MB | ours | onnxruntime | PyTorch |\n|-|-|-|-|")
        for name, size in MEMORY:
            say("memory %s %s" % (name, size))
            ours = self.ours("infer", name, size)
            ours.turn(1)
            memory = [ours.last["peak_mb"]]
            for peer in self.infer_peers(name, size).values():
                peer.turn(1)
                memory.append(peer.close())
            print("| %s %s | %s |" % (name.upper(), size, " | ".join("%.0f" % mb for mb in memory)), flush=True)
        print()

    def post(self):
        heads = self.path("post.f32")
        self.ours("infer", "r18", POST).turn(1, ["--outputs", heads])
        logits = read_outputs(heads, POST)[0][::2]
        # torchvision's threshold, and the highest that leaves 1000 candidates on each level.
        full = min(float(np.partition(level, -1001)[-1001]) for level in logits)
        print("| post-processing %s, ms | ours | PyTorch | ratio | boxes |\n|-|-|-|-|-|" % POST)
        for threshold in (0.05, 1 / (1 + np.exp(-full))):
            over = [int((level > np.log(threshold / (1 - threshold))).sum()) for level in logits]
            say("post-processing, %d scores over %.3g" % (sum(over), threshold))
            text = "%.9g" % threshold
            ours = OursPost(self.bench, "infer", self.model("r18"), POST, 2,
                            ["--input", self.pictures(POST), "--set", "score_threshold=" + text])
            ours.turn(1, ["--outputs", self.path("ours.f32")])
            peer = Peer(self.torch("post", POST, text, heads, self.path("torch.f32")))
            got = in_turn({"ours": ours, "PyTorch": peer}, 2, self.args.turns)
            peer.close()
            boxes = [read_outputs(self.path(side), POST)[1] for side in ("ours.f32", "torch.f32")]
            print("| %s candidates on P3 to P7, of %d scores over %.3g | %s | %s | %s | %s |" % (
                ", ".join(str(min(1000, n)) for n in over), sum(over), threshold, figures(got["ours"], 1), figures(got["PyTorch"], 1),
                ratio(got["PyTorch"], got["ours"]), compare_boxes(*boxes)), flush=True)
        print()

    def threads(self):
        print("| ours, ms | one thread | two threads | ratio |\n|-|-|-|-|")
        for mode, name, size, batch in THREADS:
            say("threads %s %s %s" % (mode, name, size))
            sides = {"%d threads" % n: self.ours(mode, name, size, n, batch) for n in (1, 2)}
            got = in_turn(sides, 1 if mode == "train" else 2, self.args.turns)
            print("| %s %s %s, batch %d | %s | %s | %s |" % (mode, name.upper(), size, batch, figures(got["1 threads"]),
                                                           figures(got["2 threads"]), ratio(got["1 threads"], got["2 threads"])), flush=True)
        print()


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


def main():
    parts = ["infer", "train", "memory", "post", "threads"]
    p = argparse.ArgumentParser(prog="compare_peers.sh", description="Compare with the peers: all, or the parts named.")
    p.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    p.add_argument("--turns", type=int, default=10, help="of each program (default 10)")
    p.add_argument("--quick", action="store_true", help="two turns")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    args = p.parse_args()
    if not set(args.parts) <= set(parts):
        p.error("PART: want some of %s" % ", ".join(parts))
    if args.quick:
        args.turns = 2
    print("%s, %s, %d cores, 2 threads; best of %d turns (lower quartile of their medians); ratios: theirs over ours\n"
          % (datetime.date.today(), processor(), os.cpu_count(), args.turns), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        compare = Compare(args, pathlib.Path(folder))
        try:
            for part in args.parts or parts:
                getattr(compare, part)()
        finally:
            for process in Peer.running:
                process.kill()


if __name__ == "__main__":
    main()
