"""torch_save.py FOLDER: files of torch.save, and expected.txt with what they hold: a line a tensor, FILE NAME TYPE, the
number of dimensions and these, the numbers (of floating point in hexadecimal, exact)."""
import collections
import os
import sys

import torch

torch.set_num_threads(1)
torch.manual_seed(4)
os.chdir(sys.argv[1])
expected = open("expected.txt", "w")

TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def save(name, saved, state=None, **options):
    torch.save(saved, name, **options)
    for key, tensor in (saved if state is None else state).items():
        values = tensor.detach().reshape(-1).double().tolist() if tensor.is_floating_point() else tensor.reshape(-1).long().tolist()
        texts = [v.hex() if tensor.is_floating_point() else str(v) for v in values]
        print(name, key, TYPES[tensor.dtype], tensor.dim(), *tensor.shape, *texts, file=expected)


def network():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    with torch.no_grad():
        model[1](model[0](torch.randn(2, 3, 6, 6)))  # statistics other than 0 and 1
    return model


def tensors():
    base = torch.randn(4, 5, 6)
    other = torch.randn(7)
    return collections.OrderedDict([
        ("half", torch.randn(3, 2).half()), ("bfloat", torch.randn(5).bfloat16()), ("double", torch.randn(2, 2).double()),
        ("long", torch.tensor([1, -2, 2**62])), ("int", torch.tensor([1, -2], dtype=torch.int32)),
        ("short", torch.tensor([-3], dtype=torch.int16)), ("char", torch.tensor([-4, 4], dtype=torch.int8)),
        ("byte", torch.tensor([255], dtype=torch.uint8)), ("bool", torch.tensor([True, False])),
        ("whole", base), ("turned", base.permute(2, 0, 1)), ("part", base[1:3, 2, ::2]), ("row", base[3, 4]),
        ("last", torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)),
        ("shared", other), ("shared.too", other), ("shared.part", other[2:5]),
        ("scalar", torch.tensor(2.5)), ("empty", torch.zeros(0, 3)), ("one", torch.randn(1, 1, 1, 1)),
        ("special", torch.tensor([float("inf"), float("-inf"), -0.0, 1e-45])),
        ("parameter", torch.nn.Parameter(torch.randn(3))), ("\u00e9.\u20ac", torch.randn(1))])


for zipped in (True, False):
    options = {"_use_new_zipfile_serialization": zipped}
    kind = "zip" if zipped else "older"
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    state = model.state_dict()
    save(f"network_{kind}.pth", state, **options)
    save(f"kept_{kind}.pth", model.state_dict(keep_vars=True), **options)
    save(f"half_{kind}.pth", network().half().state_dict(), **options)
    save(f"tensors_{kind}.pth", tensors(), **options)
    save(f"plain_{kind}.pth", dict(state), **options)
    for key in ("model", "state_dict", "model_state_dict"):
        save(f"{key}_{kind}.pth",
             {"epoch": 3, key: state, "optimizer": optimizer.state_dict(), "best": 0.25, "note": "text \u00e9", "none": None,
              "done": True, "big": 2**100, "list": [1, (2, 3), {}], "names": ["a", "b"]}, state, **options)
    for protocol in (2, 3, 4, 5):
        save(f"protocol{protocol}_{kind}.pth", tensors(), pickle_protocol=protocol, **options)
expected.close()
