#!/usr/bin/env python3
"""Makes the seed files of the fuzzers with Python's own torch, safetensors and zipfile.

usage: python tests/fuzz/seeds/make.py        (in an environment with torch 2.11, safetensors and numpy)

The files are committed, because the tests run without Python. What is made is small on purpose: a fuzzer runs a
seed of a kilobyte a hundred times in the time of one of a hundred. Every run writes other storage keys and dates into
files of the same contents: commit those that are new only. The seeds in JSON and YAML are written by hand.
"""
import collections
import io
import pathlib
import pickle
import zipfile

import safetensors.torch
import torch

HERE = pathlib.Path(__file__).resolve().parent


def write(target, name, data):
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    print(f"{len(data):6d} {target}/{name}")


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def deflated(data):
    """The same entries, compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".data/serialization_id"):
                target.writestr(entry.filename, source.read(entry))
    return out.getvalue()


def data_pickle(data):
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return source.read(next(n for n in source.namelist() if n.endswith("/data.pkl")))


def values():
    """Name -> what is saved, each with something that the others lack."""
    torch.manual_seed(0)
    base = torch.arange(12, dtype=torch.float32)
    lightning = {
        "epoch": 3,
        "global_step": 470000,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": collections.OrderedDict(w=base.view(3, 4), b=torch.ones(3, dtype=torch.float16)),
        "optimizer_states": [{"state": {0: {"step": 1, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}],
        "callbacks": {},
        "hyper_parameters": {"betas": (0.9, 0.999), "name": None, "flags": {1, 2}, "big": 2**70},
    }
    return {
        "bare": {"w": base.view(3, 4), "b": torch.ones(3)},
        "lightning": lightning,
        "dtypes": {
            str(dtype)[6:]: torch.arange(3).to(dtype)
            for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
                          torch.int8, torch.uint8, torch.bool)
        },
        "views": {"all": base, "tail": base[4:], "even": base[::2], "t": base.view(3, 4).t(),
                  "one": base[:1].expand(2, 5), "none": base[:0], "scalar": base[3]},
        "typed": {str(dtype)[6:]: torch.arange(3).to(dtype)
                  for dtype in (torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn)},
        "parameters": {"p": torch.nn.Parameter(base[:2].clone()), "s": torch.Size([2, 3])},
    }


def write_torch(name, value):
    data = saved(value)
    write("zip", f"{name}.ckpt", data)
    write("zip", f"{name}_deflated.ckpt", deflated(data))
    write("legacy", f"{name}.ckpt", saved(value, _use_new_zipfile_serialization=False))
    write("pickle", f"{name}.pkl", data_pickle(data))
    for protocol in (3, 4, 5):
        if name == "lightning":
            write("pickle", f"{name}_{protocol}.pkl", data_pickle(saved(value, pickle_protocol=protocol)))


def write_plain_pickles():
    """Every opcode that plain data uses, at every protocol."""
    value = [None, True, False, 1, -1, 300, 70000, 2**40, 2**70, 1.5, "text", "\u00e9", b"bytes", (), (1,), (1, 2),
             (1, 2, 3), (1, 2, 3, 4), [1, 2], {"k": "v"}, {1, 2}, frozenset([3]), collections.OrderedDict(a=1)]
    for protocol in range(6):
        write("pickle", f"plain_{protocol}.pkl", pickle.dumps({"state_dict": {}, "x": value}, protocol=protocol))


def write_safetensors():
    base = torch.arange(12, dtype=torch.float32)
    write("safetensors", "plain.safetensors",
          safetensors.torch.save({"w": base.view(3, 4), "b": torch.ones(3)}, metadata={"format": "pt", "k": ""}))
    kinds = {str(t)[6:]: torch.ones(2).to(t) for t in (torch.float64, torch.float16, torch.bfloat16, torch.int64,
                                                        torch.uint8, torch.bool, torch.float8_e4m3fn, torch.uint16)}
    write("safetensors", "dtypes.safetensors", safetensors.torch.save(kinds))
    write("safetensors", "empty.safetensors",
          safetensors.torch.save({"none": torch.zeros(0, 3), "scalar": torch.tensor(1.0)}))


def main():
    for name, value in values().items():
        write_torch(name, value)
    write_plain_pickles()
    write_safetensors()


if __name__ == "__main__":
    main()
