"""What the scripts that make golden numbers share: the series that inputs come from, and the files.

A script makes PART.safetensors beside itself and calls main(). A part is a generator of (name,
tensor or array of int32), called with the type that torch is to compute in.
"""
import json
import os
import struct

import numpy as np
import torch

torch.set_num_threads(1)


def series(shape, seed):
    """Float32 numbers in [-1, 1): a hash of (seed, index), exact on both sides."""
    x = np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(seed * 2654435769 % 2**32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.float32) / np.float32(2**23) - 1).reshape(shape)


def leaf(array, dtype):
    return torch.tensor(array, dtype=dtype, requires_grad=True)


def steps(x, n):
    """Round down to multiples of 2 / n."""
    return np.floor((x + 1) * np.float32(n / 2)) / np.float32(n / 2) - 1 if n else x


# ---- files ----

TYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32}


def save(path, tensors):
    header, at = {}, 0
    for name, value in tensors.items():
        kind = next(k for k, t in TYPES.items() if t == value.dtype)
        end = at + value.nbytes
        header[name] = {"dtype": kind, "shape": value.shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value).tobytes())


def load(path):
    data = open(path, "rb").read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    return {name: np.frombuffer(data, TYPES[t["dtype"]], int(np.prod(t["shape"])),
                                start + t["data_offsets"][0]).reshape(t["shape"])
            for name, t in json.loads(data[8:start]).items()}


def difference(stored, now):
    """max |stored - now| / max |stored|; whole numbers and shapes are equal or not."""
    if stored.shape != now.shape or stored.dtype != now.dtype:
        return np.inf
    if stored.size == 0 or np.array_equal(stored, now):
        return 0
    if stored.dtype == np.int32:
        return np.inf
    with np.errstate(all="ignore"):
        return float(np.abs(stored - now).max() / np.abs(stored).max())


def made(part, dtype, stored):
    """Name -> array, real numbers in the type that the file has."""
    tensors = {}
    for name, value in part(dtype):
        assert name not in tensors, name
        if torch.is_tensor(value):
            value = np.ascontiguousarray(value.detach().numpy()).astype(stored)
        tensors[name] = value
    return tensors


def check(path, part, stored, less_exact):
    """Print what differs; whether anything does. The stored numbers are those of torch's double but
    for their rounding; its float32 keeps five digits, or what less_exact[name] says."""
    file, there, wrong = os.path.basename(path), load(path), False
    for dtype, tolerance in ((torch.float64, 1e-7), (torch.float32, 1e-5)):
        exceptions = less_exact if dtype == torch.float32 else {}
        now = made(part, dtype, stored)
        worst = 0.0
        if there.keys() != now.keys():
            print(f"{file}: other tensors than torch {torch.__version__} has now")
            wrong = True
        for name in there.keys() & now.keys():
            d = difference(there[name], now[name])
            if not d <= exceptions.get(name, tolerance):
                print(f"{file}: {name} differs from {dtype} now by {d:.2g}")
                wrong = True
            elif name not in exceptions:
                worst = max(worst, d)
        print(f"{file}: {len(there)} tensors, at most {worst:.1e} from {dtype} "
              f"of torch {torch.__version__}")
    return wrong


def main(arguments, script, part, stored, less_exact=None):
    """Write the file of `script`, or check it; the exit code."""
    checks = arguments[:1] == ["--check"]
    folder = (arguments[checks:] or [os.path.dirname(os.path.abspath(script))])[0]
    path = os.path.join(folder, os.path.basename(script).replace("_make.py", ".safetensors"))
    if checks:
        return int(check(path, part, stored, less_exact or {}))
    save(path, made(part, torch.float64, stored))
    return 0
