#!/usr/bin/env python3
"""Write curves.json: of each of the reference's 40 sets VOC's two averages, the best F1 and its threshold, class by class, and the
confusion matrix there, worked out anew in plain Python from the rules in include/retinanet.h.

    tests/golden/curves.py ../shared/golden/coco_eval > tests/golden/curves.json
"""
import json
import sys
from fractions import Fraction


def iou(d, g, crowd):
    (dx, dy, dw, dh), (gx, gy, gw, gh) = d["bbox"], g["bbox"]
    w = min(dx + dw, gx + gw) - max(dx, gx)
    h = min(dy + dh, gy + gh) - max(dy, gy)
    if w <= 0 or h <= 0:
        return 0.0
    both = w * h
    return both / (dw * dh if crowd else dw * dh + gw * gh - both)


def by_score(detections):
    return sorted(detections, key=lambda d: -d["score"])  # stable


def voc(images, objects, detections):
    """Verdicts as in VOCevaldet.m, then its two averages."""
    wanted = sum(not g["iscrowd"] for g in objects)
    if wanted == 0:
        return -1.0, -1.0
    found, verdicts = set(), []
    for d in by_score([d for i in images for d in detections if d["image_id"] == i]):
        there = [g for g in objects if g["image_id"] == d["image_id"]]
        best = max(there, key=lambda g: iou(d, g, False), default=None)
        if best is None or iou(d, best, False) < 0.5:
            verdicts.append(False)
        elif not best["iscrowd"]:
            verdicts.append(best["id"] not in found)
            found.add(best["id"])
    points, right = [], 0
    for n, v in enumerate(verdicts, 1):
        right += v
        points.append((Fraction(right, wanted), right / n))
    highest = lambda r: max((p for recall, p in points if recall >= r), default=0.0)
    all_points = sum(highest(Fraction(i + 1, wanted)) for i in range(wanted)) / wanted
    return all_points, sum(highest(Fraction(t, 10)) for t in range(11)) / 11


def coco(images, objects, detections):
    """(score, right) of the detections that count at IoU .50, as the reference's evaluateImg has them."""
    counted = []
    for i in images:
        there = sorted((g for g in objects if g["image_id"] == i), key=lambda g: bool(g["iscrowd"]))
        taken = [False] * len(there)
        for d in by_score([d for d in detections if d["image_id"] == i])[:100]:
            best, found = 0.5, None
            for k, g in enumerate(there):
                if taken[k] and not g["iscrowd"]:
                    continue
                if found is not None and not there[found]["iscrowd"] and g["iscrowd"]:
                    break
                overlap = iou(d, g, g["iscrowd"])
                if overlap >= best:
                    best, found = overlap, k
            if found is not None:
                taken[found] = True
            if found is None or not there[found]["iscrowd"]:
                counted.append((d["score"], found is not None))
    return counted


def best_f1(counted, wanted):
    best, at = 0.0, 0.5
    scores = sorted({s for s, _ in counted}, reverse=True)
    for n, score in enumerate(scores):
        kept = [right for s, right in counted if s >= score]
        f1 = 2 * sum(kept) / (len(kept) + wanted)
        if f1 > best:
            best, at = f1, (score + scores[n + 1]) / 2 if n + 1 < len(scores) else score
    return best, at


def confusion(images, labels, objects, detections, score):
    n = len(labels)
    matrix = [[0] * (n + 1) for _ in range(n + 1)]
    for i in images:
        there = [g for g in objects if g["image_id"] == i]
        free = [g for g in there if not g["iscrowd"]]
        for d in by_score([d for d in detections if d["image_id"] == i and d["score"] >= score]):
            label = labels[d["category_id"]]
            # of equal overlaps one of its own class, then the first
            best = max(free, key=lambda g: (iou(d, g, False), g["category_id"] == d["category_id"]), default=None)
            if best is not None and iou(d, best, False) >= 0.5:
                matrix[labels[best["category_id"]]][label] += 1
                free.remove(best)
            elif not any(g["iscrowd"] and g["category_id"] == d["category_id"] and iou(d, g, True) >= 0.5 for g in there):
                matrix[n][label] += 1
        for g in free:
            matrix[labels[g["category_id"]]][n] += 1
    return matrix


def measure(folder, name):
    truth = json.load(open(f"{folder}/{name}_gt.json"))
    detections = json.load(open(f"{folder}/{name}_dt.json"))
    images = sorted(i["id"] for i in truth["images"])
    categories = sorted(c["id"] for c in truth["categories"])
    labels = {c: k for k, c in enumerate(categories)}
    objects = truth["annotations"]
    detections = [d for d in detections if d["category_id"] in labels]
    classes, everything = [], []
    for c in categories:
        own, found = [g for g in objects if g["category_id"] == c], [d for d in detections if d["category_id"] == c]
        counted = coco(images, own, found)
        everything += counted
        ap, ap07 = voc(images, own, found)
        f1, at = best_f1(counted, sum(not g["iscrowd"] for g in own))
        classes.append({"category_id": c, "VOC_AP": ap, "VOC07_AP": ap07, "best_f1": f1, "best_f1_score": at})
    f1, at = best_f1(everything, sum(not g["iscrowd"] for g in objects))
    return {"per_class": classes, "best_f1": f1, "best_f1_score": at, "confusion": sum(confusion(images, labels, objects, detections, at), [])}


def main():
    lines = [f' "set{n:02d}": {json.dumps(measure(sys.argv[1], f"set{n:02d}"))}' for n in range(40)]
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main()
