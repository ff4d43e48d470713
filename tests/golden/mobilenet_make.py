#!/usr/bin/python3
"""Golden features of the folded MobileNetV2 in ../shared/weights, by torch (1.13):

    tests/golden/mobilenet_make.py WEIGHTS.safetensors OUT.txt [SAMPLES]

For each picture a line "picture HEIGHT WIDTH", then one for each layer in order of execution:

    layer NAME COUNT MAX SAMPLE ...

COUNT numbers of [height, width, channels], the largest of their magnitudes, and number
(k * 2654435761 + 40503) % COUNT for k = 0, 1, ... The network is written out here, with functional
calls alone, so that nothing but the weights is shared with what is tested. TensorFlow's SAME padding."""
import json
import struct
import sys

import torch
import torch.nn.functional as F

PICTURES = [(64, 96), (45, 71), (33, 64)]


def read(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        out[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).reshape(entry["shape"])
    return out


def picture(height, width):
    """Bytes by formula, then RGB / 127.5 - 1."""
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    byte = (37 * y + 59 * x + 101 * c + x * y % 17 * 11) % 256
    return (byte.double() / 127.5 - 1).float().permute(2, 0, 1)[None]


def same(x, kernel, stride):
    pads = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class Net:
    def __init__(self, weights):
        self.weights, self.number, self.layers = weights, 0, []

    def conv(self, x, kind, stride, relu6):
        name = "%02d.%s" % (self.number, kind)
        weight, bias = self.weights[name + ".weight"], self.weights[name + ".bias"]
        groups = x.shape[1] if kind == "dw" else 1
        x = F.conv2d(same(x, weight.shape[2], stride), weight, bias, stride=stride, groups=groups)
        x = F.relu6(x) if relu6 else x
        self.number += 1
        self.layers.append((name, x))
        return x

    def run(self, x):
        x = self.conv(x, "conv", 2, True)
        for expansion, channels, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
            for i in range(blocks):
                identity = x
                if expansion > 1:
                    x = self.conv(x, "conv", 1, True)
                x = self.conv(x, "dw", stride if i == 0 else 1, True)
                x = self.conv(x, "conv", 1, False)
                assert x.shape[1] == channels
                if i > 0:
                    x = x + identity
                    self.layers.append(("%02d.add" % (self.number - 1), x))


def main():
    torch.set_num_threads(1)
    weights, samples = read(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 12
    with open(sys.argv[2], "w") as out:
        for height, width in PICTURES:
            net = Net(weights)
            net.run(picture(height, width))
            print("picture", height, width, file=out)
            for name, x in net.layers:
                flat = x[0].permute(1, 2, 0).flatten()
                count = flat.numel()
                at = [(k * 2654435761 + 40503) % count for k in range(samples)]
                print("layer", name, count, "%.9g" % flat.abs().max(), *("%.9g" % flat[i] for i in at), file=out)


main()
