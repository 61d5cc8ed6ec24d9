#!/usr/bin/env python3
"""Reads the parameters of our PNGs as other programs do, and compares them with what the file says in JSON.

usage: check_parameters.py PNG...

Needs the packages sd-parsers and pillow (pip install sd-parsers pillow), in an environment of their own. sd-parsers 0.6
does not know the webui's quotes: a model whose name holds a comma or a colon is reported as different.
"""
import json
import sys

from PIL import Image
from sd_parsers import ParserManager

SAMPLERS = {"ddim": "DDIM", "plms": "PLMS", "dpm_solver": "DPM++ 2M", "ddpm": "DDPM"}


def read(path):
    """What sd-parsers finds, under the names of our JSON."""
    info = ParserManager().parse(path)
    if info is None:
        raise SystemExit(f"{path}: expected parameters that sd-parsers reads, got none")
    sampler = info.samplers[0]
    width, height = info.metadata["Size"].split("x")
    return {
        "prompt": ", ".join(prompt.value for prompt in info.prompts),
        "negative_prompt": ", ".join(prompt.value for prompt in info.negative_prompts),
        "sampler": sampler.name,
        "steps": int(sampler.parameters["steps"]),
        "cfg_scale": float(sampler.parameters["cfg_scale"]),
        "seed": int(sampler.parameters["seed"]),
        "model": sampler.model.name if sampler.model else None,
        "width": int(width),
        "height": int(height),
    }


def check(path):
    """The names whose values differ, in words."""
    with Image.open(path) as image:
        own = json.loads(image.text["ldm"])
    own["sampler"] = SAMPLERS.get(own["sampler"], own["sampler"])
    return [f"{name}: expected {own.get(name)!r}, got {value!r}" for name, value in read(path).items() if value != own.get(name)]


def main(paths):
    if not paths:
        raise SystemExit(__doc__)
    failures = 0
    for path in paths:
        differences = check(path)
        failures += bool(differences)
        print(f"{path}: {'; '.join(differences) or 'ok'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
