#!/usr/bin/python3
"""Classifiers of torchvision with random weights and statistics, and their features, by torch:

    tests/golden/backbones_make.py FOLDER [RESNET18_TO_LAYER3.safetensors]

writes FOLDER/resnet18.safetensors, resnet18.txt, resnet50..., mobilenet_v2... (a state_dict each), and for the
folded file folded.txt. The .txt are as mobilenet_make.py writes them, with a layer for C3, C4 and C5. For live
comparisons only: nothing of it is kept."""
import json
import struct
import sys

import torch
import torchvision

PICTURES = [(64, 96), (77, 45)]
SAMPLES = 2000


def save(path, state):
    header, data = {}, b""
    for name, value in state.items():
        bits = value.contiguous().numpy().tobytes()
        header[name] = {"dtype": "I64" if value.dtype == torch.int64 else "F32", "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(bits)]}
        data += bits
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[slice(*e["data_offsets"])]), dtype=torch.float32).reshape(e["shape"])
            for name, e in header.items()}


def randomise(model):
    torch.manual_seed(3)
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1.5)
            m.bias.data.normal_(0, 0.3)
            m.running_mean.normal_(0, 0.3)
            m.running_var.uniform_(0.5, 2)
    return model.eval()


def picture(height, width):
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    byte = (37 * y + 59 * x + 101 * c + x * y % 17 * 11) % 256
    return (byte.double() / 127.5 - 1).float().permute(2, 0, 1)[None]


def write(path, layers_of):
    with open(path, "w") as out, torch.no_grad():
        for height, width in PICTURES:
            print("picture", height, width, file=out)
            for i, x in enumerate(layers_of(picture(height, width))):
                flat = x[0].permute(1, 2, 0).flatten()
                at = [(k * 2654435761 + 40503) % flat.numel() for k in range(SAMPLES)]
                print("layer C%d" % (i + 3), flat.numel(), "%.9g" % flat.abs().max(),
                      *("%.9g" % flat[i] for i in at), file=out)


def resnet_layers(model, last=4):
    def run(x):
        x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
        out = []
        for i in range(1, last + 1):
            x = getattr(model, "layer%d" % i)(x)
            out.append(x)
        return out[1:]
    return run


def mobilenet_layers(model):
    def run(x):
        out = []
        for i, layer in enumerate(model.features[:18]):
            x = layer(x)
            if i in (6, 13, 17):
                out.append(x)
        return out
    return run


def unfold(state):
    """A folded ResNet-18 as one with batch norm that only adds."""
    model = torchvision.models.resnet18()
    for name, m in model.named_modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            conv = name.replace("bn", "conv").replace("downsample.1", "downsample.0")
            if conv + ".bias" in state:
                m.bias.data.copy_(state[conv + ".bias"])
                m.running_var.fill_(1 - m.eps)
        elif name + ".weight" in state:
            m.weight.data.copy_(state[name + ".weight"])
    return model.eval()


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    for name, layers_of in [("resnet18", resnet_layers), ("resnet50", resnet_layers), ("mobilenet_v2", mobilenet_layers)]:
        model = randomise(getattr(torchvision.models, name)())
        save("%s/%s.safetensors" % (folder, name), model.state_dict())
        write("%s/%s.txt" % (folder, name), layers_of(model))
    if len(sys.argv) > 2:
        write(folder + "/folded.txt", resnet_layers(unfold(read(sys.argv[2])), 3))


main()
