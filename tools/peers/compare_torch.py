#!/usr/bin/python3
"""PyTorch's side of tools/compare_peers.sh: torchvision's RetinaNet, frozen batch norm, 91 classes, weights by formula.

    compare_torch.py make MODEL OUT.pth              r18 or r50: the state dict, which ours read
    compare_torch.py picture HxW BATCH OUT           pictures by formula, normalised: float32 [batch, height, width, 3]
    compare_torch.py export MODEL HxW OUT.onnx       the convolutions alone, batch norm folded into them
    compare_torch.py infer MODEL HxW INPUT OUT       from the network's input to the boxes
    compare_torch.py post HxW THRESHOLD HEADS OUT    from the heads' outputs, as bench --outputs writes them, to the boxes
    compare_torch.py train MODEL HxW BATCH INPUT OUT a whole step: forward, losses, backward, SGD with momentum

The last three speak what compare.py calls a peer's language: "ready" when all is loaded and was run once; then for each line
that holds a number, so many timed runs, answered by "BEST MEDIAN" in ms; the end of input ends them. OUT is what bench writes: float32
heads and boxes, or JSON with the losses and the gradient's norm of the first step. $THREADS: threads, 2 if it is not set."""
import json
import os
import statistics
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden"))
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torchvision_make  # noqa: E402
from torchvision.models.detection.image_list import ImageList  # noqa: E402
from torchvision.ops.misc import FrozenBatchNorm2d  # noqa: E402

CLASSES, OBJECTS = 91, 8
# name: torchvision's backbone; gain and bias of the last class layer, gain of the last box layer
MODELS = {"r18": ("resnet18", (0.35, -9.5, 0.035)), "r50": ("resnet50", (0.5, -11.5, 0.0625))}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make(name, norm=FrozenBatchNorm2d):
    backbone, last = MODELS[name]
    model = torchvision_make.fpn_model(backbone, norm, 256, CLASSES).eval()
    with torch.no_grad():
        torchvision_make.fill(model, last)
    return model.requires_grad_(True)


def sides(size):
    return tuple(int(side) for side in size.split("x"))


def read_input(path, size, batch=1):
    numbers = np.fromfile(path, np.float32).reshape(batch, *sides(size), 3)
    return torch.from_numpy(np.ascontiguousarray(numbers.transpose(0, 3, 1, 2)))


def write_pictures(size, batch, path):
    height, width = sides(size)
    plain = (torchvision_make.picture(width, height) / 255 - MEAN) / STD
    np.stack([np.roll(plain, 37 * i, 1) for i in range(batch)]).astype(np.float32).tofile(path)


class Convolutions(torch.nn.Module):
    """The network as onnxruntime gets it: logits and deltas of each level as the last convolutions give them."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        head = self.model.head
        cls, box = head.classification_head, head.regression_head
        return [out for f in self.model.backbone(image).values() for out in (cls.cls_logits(cls.conv(f)), box.bbox_reg(box.conv(f)))]


def export(name, size, path):
    names = ["%s.P%d" % (kind, level) for level in range(3, 8) for kind in ("cls_logits", "bbox_reg")]
    model = Convolutions(make(name, torch.nn.BatchNorm2d)).eval()
    warnings.simplefilter("ignore")  # of the exporter, about shapes that it does not infer
    torch.onnx.export(model, torch.zeros(1, 3, *sides(size)), path, opset_version=13, input_names=["images"], output_names=names)


def cells(size):
    """[height, width] of P3 to P7: each convolution and pooling of stride 2 rounds up."""
    height, width = sides(size)
    levels = []
    for stage in range(7):
        height, width = (height + 1) // 2, (width + 1) // 2
        if stage >= 2:
            levels.append((height, width))
    return levels


def split(model, logits, deltas, anchors, image_size):
    """torchvision's postprocessing behind its heads, from RetinaNet.forward."""
    counts = [9 * h * w for h, w in cells("%dx%d" % image_size)]
    heads = {"cls_logits": list(logits.split(counts, 1)), "bbox_regression": list(deltas.split(counts, 1))}
    return model.postprocess_detections(heads, [list(a.split(counts)) for a in anchors], [image_size])[0]


def write_outputs(path, size, logits, deltas, found):
    counts = [9 * h * w for h, w in cells(size)]
    with open(path, "wb") as out:
        for level in zip(logits.split(counts, 1), deltas.split(counts, 1)):
            for part in level:
                out.write(part.detach().numpy().tobytes())
        boxes = [found["boxes"], found["scores"][:, None], found["labels"][:, None].float()]
        out.write(torch.cat(boxes, 1).detach().numpy().tobytes())


def serve(run):
    """A peer's language."""
    print("ready", flush=True)
    for line in sys.stdin:
        ms = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            ms.append(1e3 * (time.perf_counter() - start))
        print(min(ms), statistics.median(ms), flush=True)


def infer(name, size, path, out):
    model, images = make(name), read_input(path, size)
    list_of = ImageList(images, [sides(size)])

    @torch.inference_mode()
    def run():
        features = list(model.backbone(images).values())
        heads = model.head(features)
        anchors = model.anchor_generator(list_of, features)
        return heads, split(model, heads["cls_logits"], heads["bbox_regression"], anchors, sides(size))

    heads, found = run()
    write_outputs(out, size, heads["cls_logits"], heads["bbox_regression"], found)
    serve(run)


def read_heads(path, size):
    """(logits [1, anchors, classes], deltas [1, anchors, 4])."""
    numbers, logits, deltas, at = torch.from_numpy(np.fromfile(path, np.float32)), [], [], 0
    for height, width in cells(size):
        for parts, columns in ((logits, CLASSES), (deltas, 4)):
            count = 9 * height * width * columns
            parts.append(numbers[at:at + count].reshape(1, -1, columns))
            at += count
    return torch.cat(logits, 1), torch.cat(deltas, 1)


def post(size, threshold, path, out):
    model = make("r18")
    model.score_thresh = float(threshold)
    logits, deltas = read_heads(path, size)
    features = [torch.zeros(1, 1, h, w) for h, w in cells(size)]
    anchors = model.anchor_generator(ImageList(torch.zeros(1, 3, *sides(size)), [sides(size)]), features)

    @torch.inference_mode()
    def run():
        return split(model, logits, deltas, anchors, sides(size))

    write_outputs(out, size, logits, deltas, run())
    serve(run)


def targets(size, batch):
    """The objects of rn_bench_train, the same in each picture (include/retinanet.h)."""
    height, width = sides(size)
    boxes = []
    for k in range(OBJECTS):
        side = min(height, width) * (2 + k) / 20
        x, y = (width - side) * (3 * k % OBJECTS) / (OBJECTS - 1), (height - side) * k / (OBJECTS - 1)
        boxes.append([x, y, x + side, y + side])
    labels = torch.tensor([11 * k % CLASSES for k in range(OBJECTS)])
    return [{"boxes": torch.tensor(boxes), "labels": labels} for _ in range(batch)]


def train(name, size, batch, path, out):
    model, images, objects = make(name).train(), read_input(path, size, int(batch)), targets(size, int(batch))
    list_of = ImageList(images, [sides(size)] * int(batch))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9, weight_decay=1e-4)

    def run():
        features = list(model.backbone(images).values())
        losses = model.compute_loss(objects, model.head(features), model.anchor_generator(list_of, features))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        return losses

    losses = run()
    norm = sum(float((p.grad.double() ** 2).sum()) for p in model.parameters()) ** 0.5
    first = {"cls_loss": losses["classification"].item(), "box_loss": losses["bbox_regression"].item(), "grad_norm": norm}
    with open(out, "w") as file:
        json.dump(first, file)
    serve(run)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("THREADS", 2)))
    command, *args = sys.argv[1:]
    if command == "make":
        torch.save(make(args[0]).state_dict(), args[1])
    elif command == "picture":
        write_pictures(args[0], int(args[1]), args[2])
    else:
        {"export": export, "infer": infer, "post": post, "train": train}[command](*args)
