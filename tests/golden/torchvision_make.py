#!/usr/bin/python3
"""What torchvision's RetinaNets give, for the tests (Debian 12: python3-torchvision 0.14.1, torch 1.13.1).

    torchvision_make.py golden [NAME ...]         writes torchvision_NAME.txt beside this file
    torchvision_make.py live FOLDER [NAME ...]    writes models, pictures and all outputs, for test_slow_torchvision
    torchvision_make.py                           nothing; it, too, ends with 77 where there is no torchvision

Weights and pictures are formulas, so that tests/torchvision_files.h makes the very same bits without torch: number i
of the tensor NAME is a + b u, rounded to float, where u in [-1, 1) is the top 24 bits of
splitmix64(fnv1a(NAME) + (i + 1) * 0x9E3779B97F4A7C15) and (a, b) follow from the name, see `spread`.

A golden file, in lines:
    last GAIN BIAS GAIN                    of logits and deltas, such that some hundreds of scores are over 0.05
    tensors N HASH                         of the state dict: fnv1a of its lines "NAME D0 D1 ...\\n", sorted
    size SHORTER LONGER                    that pictures are resized to
    picture W H                            and for this one:
    level L LOGIT_MAX DELTA_MAX            the largest |value| of that level
    logit I V, delta I V                   the value at index I of [anchors * classes], of [anchors * 4]
    kept N                                 boxes, in torchvision's order, one a line:
    LABEL SCORE X1 Y1 X2 Y2
"""
import json
import math
import os
import struct
import sys

try:
    import numpy as np
    import torch
    import torchvision
    from torchvision.models.detection import RetinaNet, retinanet_resnet50_fpn, retinanet_resnet50_fpn_v2
    from torchvision.models.detection._utils import overwrite_eps
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops.feature_pyramid_network import LastLevelP6P7
    from torchvision.ops.misc import FrozenBatchNorm2d
except ImportError as error:
    print(error)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 24  # values of a level's logits, and of its deltas

# ---- weights by formula ----


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def splitmix64(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(name, count):
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (splitmix64(z) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1


def spread(name, shape, last):
    """(a, b) of a tensor. Activations keep their size through the network; variances near 1e-3 make the epsilon of
    batch norm count."""
    if len(shape) == 4:
        fan_in = shape[1] * shape[2] * shape[3]
        if name.startswith("backbone.body."):
            return 0.0, math.sqrt(6.0 / fan_in) / 32
        if name.startswith("backbone.fpn."):
            return 0.0, math.sqrt(3.0 / fan_in)
        if "cls_logits" in name:
            return 0.0, math.sqrt(3.0 / fan_in) * last[0]
        if "bbox_reg" in name:
            return 0.0, math.sqrt(3.0 / fan_in) * last[2]
        return 0.0, math.sqrt(6.0 / fan_in)
    if name.endswith(".running_var"):
        return 2.0**-10, 2.0**-11
    if name.endswith(".running_mean"):
        return 0.0, 2.0**-8
    if name.endswith("cls_logits.bias"):
        return last[1], 1.0
    if name.endswith(".bias"):
        return 0.0, 0.125
    if name.endswith(".bn2.weight") or name.endswith(".bn3.weight"):
        return 0.5, 0.125
    return 1.0, 0.25


def fill(model, last):
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():  # num_batches_tracked
            continue
        a, b = spread(name, tensor.shape, last)
        values = (a + b * uniform(name, tensor.numel())).astype(np.float32)
        tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))


# ---- pictures by formula ----


def triangle(v, period):
    return 255 * np.abs(v % (2 * period) - period) // period


def picture(width, height):
    """[height, width, 3] bytes: two waves, squares and noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    out = np.empty((height, width, 3), np.uint8)
    for c in range(3):
        noise = (x * 73856093 ^ y * 19349663 ^ (c + 1) * 83492791) * 2654435761 % 2**32 >> 26
        squares = 64 * ((x // 40 ^ y // 28) & 1)
        waves = triangle(x * (c + 1) + 3 * y, 97) + triangle(5 * x + (4 - c) * y, 61)
        out[..., c] = (waves + squares + noise) * 2 // 5
    return out


# ---- models ----


def fpn_model(resnet, norm, p6_from, classes):
    backbone = resnet_fpn_backbone(
        backbone_name=resnet, weights=None, norm_layer=norm, returned_layers=[2, 3, 4],
        extra_blocks=LastLevelP6P7(p6_from, 256))
    return RetinaNet(backbone, classes)


def group_norm(channels):
    return torch.nn.GroupNorm(32, channels)


def older_v1():
    """As the published weights of the first version: frozen statistics, epsilon 0."""
    model = fpn_model("resnet50", FrozenBatchNorm2d, 256, 91)
    overwrite_eps(model, 0.0)
    return model


def older_name(name):
    """The name that torchvision gave that tensor up to 0.12."""
    part = name.split(".")
    if part[-3:-2] and part[-2] == "0" and part[-3].isdigit():
        if part[-4] in ("inner_blocks", "layer_blocks"):
            return ".".join(part[:-2] + part[-1:])
        if part[-4] == "conv":
            return ".".join(part[:-3] + [str(2 * int(part[-3])), part[-1]])
    return name


# name: model, whether its file has older names, gain and bias of the logits, gain of the deltas
MODELS = {
    "v1": (lambda: retinanet_resnet50_fpn(weights=None, weights_backbone=None), False, (0.5, -11.5, 0.0625)),
    "v1_older": (older_v1, True, (0.5, -12.5, 0.0625)),
    "v2": (lambda: retinanet_resnet50_fpn_v2(weights=None, weights_backbone=None), False, (3.0, -11.5, 0.5)),
    "r18_group": (lambda: fpn_model("resnet18", group_norm, 512, 5), False, (2.0, -11.0, 0.25)),
    "r18_batch": (lambda: fpn_model("resnet18", torch.nn.BatchNorm2d, 256, 91), False, (0.35, -9.5, 0.035)),
    "r34_frozen": (lambda: fpn_model("resnet34", FrozenBatchNorm2d, 512, 3), False, (0.1, -10.0, 0.01)),
    "r101_batch": (lambda: fpn_model("resnet101", torch.nn.BatchNorm2d, 2048, 91), False, (0.15, -10.5, 0.02)),
}
GOLDEN = ["v1", "v1_older", "v2", "r18_group"]
SMALL = (192, 320)
FULL = (800, 1333)
# Odd sides, a tall one, one that is enlarged much, one whose longer side is the limit, a square.
PICTURES = [(640, 427), (333, 500), (97, 64), (1333, 402), (800, 800)]


def make_model(name):
    make, older, last = MODELS[name]
    model = make()
    model.eval()
    with torch.no_grad():
        fill(model, last)
    return model


def run(model, pixels, shorter, longer):
    """Logits and deltas of each level, flat; boxes, scores, labels."""
    heads = {}
    model.transform.min_size = (shorter,)
    model.transform.max_size = longer
    hook = model.head.register_forward_hook(lambda module, inputs, output: heads.update(output, features=inputs[0]))
    with torch.no_grad():
        image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
        found = model([image])[0]
    hook.remove()
    anchors = [9 * f.shape[2] * f.shape[3] for f in heads["features"]]
    logits = [x[0].numpy().ravel() for x in heads["cls_logits"].split(anchors, dim=1)]
    deltas = [x[0].numpy().ravel() for x in heads["bbox_regression"].split(anchors, dim=1)]
    return logits, deltas, found["boxes"].numpy(), found["scores"].numpy(), found["labels"].numpy()


def state(model, name):
    older = MODELS[name][1]
    return {older_name(key) if older else key: value for key, value in model.state_dict().items()}


# ---- golden numbers ----


def write_level(out, kind, values, seed):
    """The largest and some others."""
    chosen = {int(np.abs(values).argmax())}
    chosen |= {fnv1a("%s %d %d" % (kind, seed, i)) % values.size for i in range(SAMPLES - 1)}
    for i in sorted(chosen):
        out.write("%s %d %.8g\n" % (kind, i, values[i]))


def write_case(out, model, size, geometry):
    logits, deltas, boxes, scores, labels = run(model, picture(*size), *geometry)
    out.write("picture %d %d\n" % size)
    for level, (x, d) in enumerate(zip(logits, deltas)):
        out.write("level %d %.8g %.8g\n" % (level, np.abs(x).max(), np.abs(d).max()))
        write_level(out, "logit", x, level)
        write_level(out, "delta", d, level)
    out.write("kept %d\n" % len(boxes))
    for box, score, label in zip(boxes, scores, labels):
        out.write("%d %.7f %.3f %.3f %.3f %.3f\n" % (label, score, *box))
    over = sum(int((x > math.log(0.05 / 0.95)).sum()) for x in logits)
    print("%dx%d: %d scores over 0.05, %d boxes, scores %.3f..%.3f" %
          (*size, over, len(boxes), scores.min(initial=1), scores.max(initial=0)), flush=True)


def write_file(file, name, model, sizes, geometry):
    print(file, flush=True)
    tensors = state(model, name)
    lines = sorted(" ".join([key] + [str(d) for d in value.shape]) + "\n" for key, value in tensors.items())
    with open(os.path.join(HERE, "torchvision_%s.txt" % file), "w") as out:
        out.write("last %g %g %g\n" % MODELS[name][2])
        out.write("tensors %d %016x\n" % (len(tensors), fnv1a("".join(lines))))
        out.write("size %d %d\n" % geometry)
        for size in sizes:
            write_case(out, model, size, geometry)


def golden():
    for name in sys.argv[2:] or GOLDEN:
        model = make_model(name)
        write_file(name, name, model, PICTURES, SMALL)
        if name in ("v1", "v2"):
            write_file(name + "_full", name, model, PICTURES[:1], FULL)


# ---- live ----


def save_safetensors(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            out.write(np.ascontiguousarray(array).tobytes())


def save_bmp(path, pixels):
    height, width = pixels.shape[:2]
    rows = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    rows[:, :3 * width] = pixels[::-1, :, ::-1].reshape(height, 3 * width)
    with open(path, "wb") as out:
        out.write(b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + rows.size, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0))
        out.write(rows.tobytes())


def live(folder, names):
    for i, size in enumerate(PICTURES):
        save_bmp(os.path.join(folder, "picture%d.bmp" % i), picture(*size))
    for name in names:
        model = make_model(name)
        # torch.save's older format for the model whose names are older, too
        torch.save(state(model, name), os.path.join(folder, name + ".pth"), _use_new_zipfile_serialization="older" not in name)
        for i, size in enumerate(PICTURES):
            logits, deltas, boxes, scores, labels = run(model, picture(*size), *(FULL if i == 0 else SMALL))
            arrays = {"boxes": boxes, "scores": scores, "labels": labels.astype(np.float32)}
            for level in range(len(logits)):
                arrays["logits%d" % level] = logits[level]
                arrays["deltas%d" % level] = deltas[level]
            save_safetensors(os.path.join(folder, "%s_%d.safetensors" % (name, i)), arrays)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["golden"]:
        golden()
    elif sys.argv[1:2] == ["live"]:
        live(sys.argv[2], sys.argv[3:] or MODELS)
