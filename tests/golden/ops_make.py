#!/usr/bin/python3
"""The numbers of torch that tests/test_parity_ops.c compares the operations with.

    ops_make.py [FOLDER]            write ops.safetensors
    ops_make.py --check [FOLDER]    compare the one that is there with what torch says now
                                    (exit 1: it differs)

FOLDER is the script's own by default. The committed file was made with torch 1.13.1 and torchvision
0.14.1 (Debian's python3-torch and python3-torchvision).

Inputs are series() of golden_files.py, which the test has too, so that outputs alone are stored.
Gradients are those of sum(out * dout). Numbers come from torch in double, rounded to float32;
--check also makes them in torch's float32. Tensors are [batch, height, width, channels] as ours.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import FrozenBatchNorm2d

from golden_files import leaf, main, series, steps


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


# batch, height, width, channels in and out, kernel, stride, padding, bias
CONVS = [
    (1, 5, 3, 17, 33, 1, 1, 0, 1),
    (3, 5, 6, 5, 19, 1, 2, 0, 0),
    (1, 4, 3, 3, 2, 1, 1, 1, 1),
    (3, 4, 3, 9, 19, 3, 1, 1, 1),
    (1, 5, 6, 16, 8, 3, 1, 0, 0),
    (3, 7, 6, 5, 18, 3, 2, 1, 1),
    (1, 6, 3, 19, 5, 3, 2, 0, 1),
    (1, 3, 5, 4, 6, 3, 1, 3, 1),
    (3, 6, 4, 3, 9, 3, 2, 3, 0),
    (3, 1, 1, 17, 9, 3, 1, 1, 1),
    (1, 4, 5, 67, 3, 3, 1, 1, 0),
    (1, 7, 6, 3, 6, 5, 1, 1, 1),
    (3, 9, 7, 3, 5, 5, 2, 3, 0),
    (1, 5, 5, 1, 65, 5, 1, 0, 1),
    (1, 13, 11, 3, 7, 7, 2, 3, 0),
    (3, 5, 6, 3, 2, 7, 1, 3, 1),
    (1, 7, 9, 3, 4, 7, 1, 0, 1),
    (1, 10, 11, 2, 9, 7, 2, 1, 0),
]


def convolutions(dtype):
    for i, (n, h, w, c, o, k, stride, pad, bias) in enumerate(CONVS):
        x = leaf(series((n, h, w, c), 16 * i), dtype)
        weight = leaf(series((o, k, k, c), 16 * i + 1), dtype)
        b = leaf(series((o,), 16 * i + 2), dtype)
        out = nhwc(F.conv2d(nchw(x), nchw(weight), b if bias else None, stride, pad))
        out.backward(torch.tensor(series(tuple(out.shape), 16 * i + 3), dtype=dtype))
        yield f"conv.{i}.dims", np.array(CONVS[i] + tuple(out.shape[1:3]), np.int32)
        yield f"conv.{i}.out", out
        yield f"conv.{i}.din", x.grad
        yield f"conv.{i}.dweight", weight.grad
        if bias:
            yield f"conv.{i}.dbias", b.grad


# kind (frozen, batch, group), batch, height, width, channels, groups; epsilon; offset of the input
FROZEN, BATCH, GROUP = range(3)
NORMS = [
    ((FROZEN, 3, 5, 2, 19, 1), 1e-5, 0),
    ((FROZEN, 1, 3, 5, 33, 1), 0.0, 0),
    ((BATCH, 3, 4, 3, 17, 1), 1e-5, 0),
    ((BATCH, 1, 5, 3, 35, 1), 1e-5, 16),
    ((BATCH, 3, 1, 1, 5, 1), 1e-5, 0),
    ((GROUP, 3, 3, 2, 24, 3), 1e-5, 0),
    ((GROUP, 1, 7, 5, 16, 2), 1e-5, 16),
    ((GROUP, 3, 3, 3, 18, 18), 1e-5, 0),
    ((GROUP, 1, 1, 1, 40, 5), 1e-5, 0),
    ((GROUP, 1, 4, 5, 21, 1), 1e-5, 0),
]


def norms(dtype):
    for i, (dims, eps, offset) in enumerate(NORMS):
        kind, n, h, w, c, groups = dims
        seed = 1000 + 16 * i
        x = leaf(series((n, h, w, c), seed) + np.float32(offset), dtype)
        weight, bias = leaf(series((c,), seed + 1), dtype), leaf(series((c,), seed + 2), dtype)
        mean = torch.tensor(series((c,), seed + 4), dtype=dtype)
        var = torch.tensor(series((c,), seed + 5) + np.float32(1.25), dtype=dtype)
        if kind == FROZEN:
            frozen = FrozenBatchNorm2d(c, eps)
            frozen.weight, frozen.bias = weight.detach(), bias.detach()
            frozen.running_mean, frozen.running_var = mean, var
            out = frozen(nchw(x))
        elif kind == BATCH:
            out = F.batch_norm(nchw(x), mean, var, weight, bias, True, 0.1, eps)
        else:
            out = F.group_norm(nchw(x), groups, weight, bias, eps)
        nhwc(out).backward(torch.tensor(series((n, h, w, c), seed + 3), dtype=dtype))
        yield f"norm.{i}.dims", np.array(dims + (offset,), np.int32)
        yield f"norm.{i}.eps", torch.tensor([eps], dtype=dtype)
        yield f"norm.{i}.out", nhwc(out)
        yield f"norm.{i}.din", x.grad
        if kind != FROZEN:
            yield f"norm.{i}.dweight", weight.grad
            yield f"norm.{i}.dbias", bias.grad
        if kind == BATCH:
            yield f"norm.{i}.mean", mean
            yield f"norm.{i}.var", var


# batch, height, width, channels, kernel, stride, padding, steps: the input has that many different
# values, so that windows hold ties; 0: none
POOLS = [
    (3, 7, 6, 5, 3, 2, 1, 0),
    (1, 7, 5, 17, 3, 2, 1, 3),
    (1, 6, 5, 4, 2, 2, 0, 0),
    (3, 5, 4, 3, 3, 1, 0, 2),
    (1, 1, 1, 35, 3, 2, 1, 0),
    (1, 5, 6, 2, 3, 1, 1, 1),
]


def pools(dtype):
    for i, (n, h, w, c, k, stride, pad, n_steps) in enumerate(POOLS):
        x = leaf(steps(series((n, h, w, c), 2000 + 16 * i), n_steps), dtype)
        out = nhwc(F.max_pool2d(nchw(x), k, stride, pad))
        out.backward(torch.tensor(series(tuple(out.shape), 2000 + 16 * i + 3), dtype=dtype))
        yield f"pool.{i}.dims", np.array(POOLS[i] + tuple(out.shape[1:3]), np.int32)
        yield f"pool.{i}.out", out
        yield f"pool.{i}.din", x.grad


# batch, height, width, channels, height and width after it: twice, or once less, as between levels;
# and others
UPSAMPLES = [
    (1, 4, 3, 5, 8, 6),
    (3, 5, 3, 7, 9, 5),
    (1, 1, 1, 35, 2, 1),
    (3, 3, 4, 2, 3, 4),
    (1, 2, 5, 3, 7, 8),
]


def upsamples(dtype):
    for i, (n, h, w, c, out_h, out_w) in enumerate(UPSAMPLES):
        top = leaf(series((n, h, w, c), 3000 + 16 * i), dtype)
        lateral = torch.tensor(series((n, out_h, out_w, c), 3000 + 16 * i + 1), dtype=dtype)
        out = lateral + nhwc(F.interpolate(nchw(top), size=(out_h, out_w), mode="nearest"))
        out.backward(torch.tensor(series(tuple(out.shape), 3000 + 16 * i + 3), dtype=dtype))
        yield f"upsample.{i}.dims", np.array(UPSAMPLES[i], np.int32)
        yield f"upsample.{i}.out", out
        yield f"upsample.{i}.dtop", top.grad


def pointwise(dtype):
    """ReLU, and ReLU of a sum; a fifth of the inputs is 0."""
    a, b = (leaf(steps(series((501,), 4000 + i), 5), dtype) for i in range(2))
    dout = torch.tensor(series((501,), 4003), dtype=dtype)
    F.relu(a).backward(dout)
    yield "relu.out", F.relu(a)
    yield "relu.din", a.grad
    a.grad = None
    F.relu(a + b).backward(dout)
    yield "add_relu.out", F.relu(a + b)
    yield "add_relu.da", a.grad
    yield "add_relu.db", b.grad


# height, width of the picture, then of the result
RESIZES = [(9, 7, 13, 12), (12, 17, 7, 9), (5, 6, 5, 6), (1, 9, 3, 4)]


def resizes(dtype):
    """Bytes to normalised floats as GeneralizedRCNNTransform: bilinear, no antialias."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=dtype)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=dtype)
    for i, (h, w, out_h, out_w) in enumerate(RESIZES):
        pixels = np.floor((series((1, h, w, 3), 5000 + i) + 1) * np.float32(128))
        x = (torch.tensor(pixels, dtype=dtype) / 255 - mean) / std
        out = F.interpolate(nchw(x), size=(out_h, out_w), mode="bilinear", align_corners=False)
        yield f"resize.{i}.dims", np.array(RESIZES[i], np.int32)
        yield f"resize.{i}.out", nhwc(out)


def ops(dtype):
    for part in (convolutions, norms, pools, upsamples, pointwise, resizes):
        yield from part(dtype)


# Torch's group norm takes the mean's square off that of the squares: in float32, with a mean of 16
# and a deviation of 0.6, four digits are left. (Its double, and ours in float32, keep six.)
LESS_EXACT = {"norm.6.out": 1e-4, "norm.6.din": 1e-4, "norm.6.dweight": 1e-4}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], __file__, ops, np.float32, LESS_EXACT))
