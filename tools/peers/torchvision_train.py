#!/usr/bin/env python3
"""Train torchvision's RetinaNet (R18, FPN, GroupNorm, from scratch) on a VOC set for a given time, as the peer of `train`.

    torchvision_train.py VOC_SET TRUTH.json --split test --seconds 1545 --longer 320 -o results.json
    evaluate TRUTH.json results.json

TRUTH.json is the split as COCO json, as `convert data VOC_SET FOLDER --to coco --no-pictures` writes it. Same recipe as ours where
torchvision has it: AdamW (beta2 .99, decay .01), the same rate, warm-up and cosine, EMA, flips in both directions, clipping at 10,
batch 8. The cosine runs over the time, so that it ends where the time does. Time is what the threads had of the processor, shared
out evenly: on a quiet machine with busy threads that is wall time, and on a busy one it is fair. Debian: python3-torchvision."""
import argparse
import functools
import json
import math
import random
import time
import xml.etree.ElementTree as xml

import torch
import torchvision
from PIL import Image
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops.feature_pyramid_network import LastLevelP6P7


def read_voc(folder, split, names):
    samples = []
    for stem in open(f"{folder}/ImageSets/Main/{split}.txt").read().split():
        boxes, labels = [], []
        for o in xml.parse(f"{folder}/Annotations/{stem}.xml").getroot().iter("object"):
            x1, y1, x2, y2 = (float(o.find("bndbox").find(k).text) for k in ("xmin", "ymin", "xmax", "ymax"))
            if x1 < x2 and y1 < y2:
                boxes.append([x1 - 1, y1 - 1, x2, y2])
                labels.append(names.index(o.find("name").text))
        samples.append((f"{folder}/JPEGImages/{stem}.jpg", torch.tensor(boxes).reshape(-1, 4), torch.tensor(labels, dtype=torch.int64)))
    return samples


def load(sample):
    path, boxes, labels = sample
    image = torchvision.transforms.functional.to_tensor(Image.open(path).convert("RGB"))
    boxes = boxes.clone()
    if random.random() < 0.5:
        image = image.flip(2)
        boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
    if random.random() < 0.5:
        image = image.flip(1)
        boxes[:, [1, 3]] = image.shape[1] - boxes[:, [3, 1]]
    return image, {"boxes": boxes, "labels": labels}


def build(classes, longer):
    norm = functools.partial(torch.nn.GroupNorm, 32)
    backbone = resnet_fpn_backbone("resnet18", None, norm_layer=norm, trainable_layers=5, returned_layers=[2, 3, 4],
                                   extra_blocks=LastLevelP6P7(256, 256))
    model = RetinaNet(backbone, classes, min_size=longer * 3 // 4, max_size=longer, detections_per_img=100)
    model.head = RetinaNetHead(backbone.out_channels, model.anchor_generator.num_anchors_per_location()[0], classes, norm_layer=norm)
    return model


def train(model, samples, a):
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}],
                                  lr=a.lr * a.batch / 16, betas=(0.9, 0.99))
    average = [p.detach().clone() for p in model.parameters()]
    start, step, order = time.process_time(), 0, []
    model.train()
    while (done := (time.process_time() - start) / a.threads / a.seconds) < 1:
        if len(order) < a.batch:
            order = random.sample(samples, len(samples))
        batch = [load(order.pop()) for _ in range(a.batch)]
        for group in optimizer.param_groups:
            group["lr"] = a.lr * a.batch / 16 * min(1, (step + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        loss = sum(model([i for i, _ in batch], [t for _, t in batch]).values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        step += 1
        decay = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, p in zip(average, model.parameters()):
                mean.lerp_(p, 1 - decay)
        if step % 20 == 0:
            print(f"{step} steps, {step * a.batch / len(samples):.1f} epochs, {done * a.seconds:.0f} s, loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for mean, p in zip(average, model.parameters()):
            p.copy_(mean)


def detect(model, truth, folder):
    rows = []
    model.eval()
    for image in truth["images"]:
        pixels = torchvision.transforms.functional.to_tensor(Image.open(f"{folder}/JPEGImages/{image['file_name']}").convert("RGB"))
        with torch.no_grad():
            out = model([pixels])[0]
        for (x1, y1, x2, y2), score, label in zip(out["boxes"].tolist(), out["scores"].tolist(), out["labels"].tolist()):
            rows.append({"image_id": image["id"], "category_id": truth["categories"][label]["id"], "bbox": [x1, y1, x2 - x1, y2 - y1],
                         "score": score})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voc")
    parser.add_argument("truth")
    parser.add_argument("--seconds", type=float, default=1500)
    parser.add_argument("--longer", type=int, default=320)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.005, help="for batch 16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", default="results.json")
    a = parser.parse_args()
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    truth = json.load(open(a.truth))
    names = [c["name"] for c in truth["categories"]]
    model = build(len(names), a.longer)
    train(model, read_voc(a.voc, "train", names), a)
    json.dump(detect(model, truth, a.voc), open(a.output, "w"))


main()
