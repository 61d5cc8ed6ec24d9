#!/usr/bin/env python3
"""Reads a checkpoint of `train` as Python's programs do: torch.load without code, Lightning's layout, AdamW's state.

usage: check_checkpoint.py CKPT

Needs torch 2.11 in an environment of its own. Ends with status 0 if all of it is as expected.
"""
import sys

import torch

LAYOUT = [
    "epoch", "global_step", "pytorch-lightning_version", "state_dict", "callbacks", "optimizer_states", "lr_schedulers",
]


def expect(truth, message):
    if not truth:
        raise SystemExit(f"check_checkpoint: expected {message}")


def check_layout(checkpoint):
    for key in LAYOUT:
        expect(key in checkpoint, f"the key '{key}', got {list(checkpoint)}")
    for key in ("epoch", "global_step"):
        expect(type(checkpoint[key]) is int, f"a whole number as {key}, got {checkpoint[key]!r}")
    weights = checkpoint["state_dict"]
    expect(weights and all(isinstance(value, torch.Tensor) for value in weights.values()), "tensors in state_dict")
    scheduler = checkpoint["lr_schedulers"][0]
    expect(scheduler["last_epoch"] == checkpoint["global_step"], "a scheduler at the step of the run")


def check_optimizer(state):
    """AdamW takes the state, and its next step goes on from these moments."""
    moments = {
        number: {name: value.clone() for name, value in entry.items()} for number, entry in state["state"].items()
    }
    numbers = state["param_groups"][0]["params"]
    expect(numbers == list(range(len(moments))), f"a state for each parameter, got {len(moments)} for {len(numbers)}")
    parameters = [torch.nn.Parameter(torch.zeros_like(moments[number]["exp_avg"])) for number in numbers]
    optimizer = torch.optim.AdamW(parameters, lr=1.0)
    optimizer.load_state_dict(state)
    group = optimizer.param_groups[0]
    expect(group["lr"] == state["param_groups"][0]["lr"], "the file's learning rate to be taken")
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    beta = group["betas"][0]
    for number, parameter in enumerate(parameters):
        after, before = optimizer.state[parameter], moments[number]
        expect(after["step"] == before["step"] + 1, f"parameter {number} to go on from step {before['step']}")
        wanted = beta * before["exp_avg"] + (1 - beta)
        expect(torch.allclose(after["exp_avg"], wanted), f"parameter {number} to go on from its moments")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    checkpoint = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    check_layout(checkpoint)
    check_optimizer(checkpoint["optimizer_states"][0])
    print(f"{sys.argv[1]}: {len(checkpoint['state_dict'])} tensors, step {checkpoint['global_step']}: as expected")


if __name__ == "__main__":
    main()
