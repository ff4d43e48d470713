#!/usr/bin/env python3
"""How long evaluate takes for a set as large as COCO val: 5000 pictures, 80 classes, 100 detections a picture.

    tools/peers/eval_speed.py                    writes the set to a temporary folder and measures build/bin/evaluate
    tools/peers/eval_speed.py --keep FOLDER      leaves the set there: gt.json, dt.json (made once)
    tools/peers/eval_speed.py --reference        measures pycocotools too, where python3-pycocotools is installed

Prints a line a run: seconds from start to end, loading included, and the highest resident memory. The set, about 40000 objects with
outlines as in COCO, is a function of the seed alone.
"""
import argparse
import math
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 640, 480
REFERENCE = """
import sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
truth = COCO(sys.argv[1])
e = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
e.evaluate(); e.accumulate(); e.summarize()
"""


def some_box(rng):
    """A box whose area is spread over COCO's three ranges, in hundredths of a pixel as COCO writes them."""
    side = 8 * 50 ** rng.random()
    ratio = 2 ** rng.uniform(-1, 1)
    w, h = min(side * ratio, WIDTH - 1), min(side / ratio, HEIGHT - 1)
    return rng.uniform(0, WIDTH - w), rng.uniform(0, HEIGHT - h), w, h


def near(rng, box):
    """A detector's idea of a box: IoU of about .4 to .95."""
    x, y, w, h = box
    s = rng.choice((0.02, 0.05, 0.1, 0.2))
    return x + rng.gauss(0, s) * w, y + rng.gauss(0, s) * h, w * 2 ** rng.gauss(0, s), h * 2 ** rng.gauss(0, s)


def outline(rng, box):
    """An ellipse as COCO writes outlines, which evaluation has to pass over."""
    x, y, w, h = box
    n = rng.randint(6, 40)
    angles = [2 * math.pi * i / n for i in range(n)]
    return ", ".join("%.2f, %.2f" % (x + w / 2 * (1 + math.cos(a)), y + h / 2 * (1 + math.sin(a))) for a in angles)


def write_set(folder, args):
    rng = random.Random(args.seed)
    weights = [1 / (k + 3) for k in range(args.classes)]  # a few classes are frequent, as people are in COCO
    ids = sorted(rng.sample(range(1, 600000), args.images))
    categories = [k + 1 + k // 8 for k in range(args.classes)]  # with gaps
    number = (lambda v: repr(v)) if args.full else (lambda v: "%.2f" % v)
    annotation = 0
    with open(folder / "gt.json", "w") as gt, open(folder / "dt.json", "w") as dt:
        gt.write('{"images": [')
        gt.write(", ".join('{"id": %d, "file_name": "%012d.jpg", "width": %d, "height": %d}' % (i, i, WIDTH, HEIGHT) for i in ids))
        gt.write('], "categories": [')
        gt.write(", ".join('{"id": %d, "name": "class %d", "supercategory": "thing"}' % (c, c) for c in categories))
        gt.write('], "annotations": [')
        dt.write("[")
        for n, image in enumerate(ids):
            objects = [(some_box(rng), label) for label in rng.choices(categories, weights, k=rng.randint(0, args.objects))]
            for box, label in objects:
                annotation += 1
                gt.write('%s{"segmentation": [[%s]], "area": %.4f, "iscrowd": %d, "image_id": %d, "bbox": [%.2f, %.2f, %.2f, %.2f], '
                         '"category_id": %d, "id": %d}'
                         % (", " if annotation > 1 else "", outline(rng, box), box[2] * box[3] * 0.7, rng.random() < 0.01, image, *box,
                            label, annotation))
            for d in range(args.detections):
                if objects and rng.random() < 0.4:
                    box, label = rng.choice(objects)
                    box, score = near(rng, box), rng.betavariate(2, 2)
                else:
                    box, label, score = some_box(rng), rng.choices(categories, weights)[0], rng.betavariate(1, 8)
                dt.write('%s{"image_id": %d, "category_id": %d, "bbox": [%s], "score": %s}'
                         % (", " if n or d else "", image, label, ", ".join(map(number, box)), repr(score) if args.full else "%.6f" % score))
        gt.write("]}\n")
        dt.write("]\n")


def measure(command):
    """Seconds and megabytes of one run. The child is waited for by hand: os.wait4 tells of this child alone."""
    start = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--evaluate", default=ROOT / "build/bin/evaluate", type=pathlib.Path)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--images", type=int, default=5000)
    p.add_argument("--classes", type=int, default=80)
    p.add_argument("--objects", type=int, default=16, help="a picture has 0 to so many")
    p.add_argument("--detections", type=int, default=100, help="a picture")
    p.add_argument("--full", action="store_true", help="detections with all 17 digits, as json.dump writes them")
    p.add_argument("--keep", type=pathlib.Path, metavar="FOLDER")
    p.add_argument("--reference", action="store_true")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        gt, dt = folder / "gt.json", folder / "dt.json"
        if not dt.exists():
            write_set(folder, args)
        print(f"gt.json {gt.stat().st_size / 1e6:.1f} MB, dt.json {dt.stat().st_size / 1e6:.1f} MB")
        commands = {"evaluate": [str(args.evaluate), str(gt), str(dt), "-q", "--threads", str(args.threads)]}
        if args.reference:
            commands["pycocotools"] = ["/usr/bin/python3", "-c", REFERENCE, str(gt), str(dt)]
        for name, command in commands.items():
            runs = [measure(command) for _ in range(args.runs if name == "evaluate" else 1)]
            for seconds, megabytes in runs:
                print(f"{name}: {seconds:.3f} s, {megabytes:.0f} MB")
            print(f"{name}: best {min(r[0] for r in runs):.3f} s, median {statistics.median(r[0] for r in runs):.3f} s, "
                  f"most {max(r[1] for r in runs):.0f} MB")


if __name__ == "__main__":
    main()
