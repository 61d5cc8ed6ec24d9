"""Runs our training steps beside PyTorch's in one go, alternating, and prints samples per second and their ratio.

usage: PYTHON tests/benchmarks/train_throughput.py [--program build/bin/bench_train_throughput] [--case NAME]...
           [--rounds 3] [--steps 3] [--threads 2] [--channels_last] [--use_checkpoint]

PYTHON needs torch 2.11.0 and diffusers 0.42.1 (a virtual environment outside the repository). The peer is diffusers'
UNet of the same structure (the numbers of parameters are compared) with torch's fused AdamW. Both predict the noise
of random latents under a random context: forward, mean squared error, backward, optimiser step. Weights are random;
the time does not depend on them. v1's weights, gradients and moments take 14 GB, so the sides take turns as processes:
each runs a step that is not counted, then `--steps` that are, and ends.
"""

import argparse
import dataclasses
import math
import statistics
import sys

import torch
from diffusers import UNet2DConditionModel

from driven_process import DrivenProcess, serve
from v1_shape import UNET

TOKENS = 77
V1 = {**UNET, "sample_size": 32}
# attention_head_dim is the number of heads, in diffusers' models of v1's kind.
DEMO = dict(
    sample_size=16, cross_attention_dim=128, attention_head_dim=4, block_out_channels=(64, 128, 128), norm_num_groups=8,
    in_channels=4, out_channels=4, layers_per_block=1,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
)
V1_CONFIG = "configs/stable-diffusion/v1-inference.yaml"
DEMO_CONFIG = "configs/demo/demo-inference.yaml"


@dataclasses.dataclass
class Case:
    config: str
    unet: dict
    batch: int
    size: int
    precision: str


CASES = {
    "v1-32": Case(V1_CONFIG, V1, 1, 32, "32"),
    "v1-bf16": Case(V1_CONFIG, V1, 1, 32, "bf16"),
    "demo-32": Case(DEMO_CONFIG, DEMO, 32, 16, "32"),
    "demo-bf16": Case(DEMO_CONFIG, DEMO, 32, 16, "bf16"),
}


def timed(side):
    """Seconds of one step."""
    event = side.step()
    assert event["loss"] is not None and math.isfinite(event["loss"]), "expected a finite loss"
    return event["seconds"]


class Peer:
    """diffusers' UNet and torch.optim.AdamW."""

    def __init__(self, case, arguments):
        memory_format = torch.channels_last if arguments.channels_last else torch.contiguous_format
        self.unet = UNet2DConditionModel(**case.unet).train().to(memory_format=memory_format)
        if arguments.use_checkpoint:
            self.unet.enable_gradient_checkpointing()
        self.optimizer = torch.optim.AdamW(self.unet.parameters(), lr=1e-4, fused=True)
        self.autocast = case.precision == "bf16"
        self.x = torch.randn(case.batch, 4, case.size, case.size).to(memory_format=memory_format)
        self.noise = torch.randn_like(self.x)
        self.t = torch.randint(0, 1000, (case.batch,))
        self.context = torch.randn(case.batch, TOKENS, case.unet["cross_attention_dim"])

    def step(self):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
            prediction = self.unet(self.x, self.t, encoder_hidden_states=self.context).sample
            loss = torch.nn.functional.mse_loss(prediction.float(), self.noise)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def serve_peer(case, arguments):
    """The peer's process: as tests/benchmarks/train_throughput.cpp."""
    peer = Peer(case, arguments)
    parameters = sum(parameter.numel() for parameter in peer.unet.parameters())
    serve(peer.step, lambda loss: {"loss": loss}, parameters=parameters)


def commands(name, case, arguments):
    """How each side is started."""
    common = ["--threads", str(arguments.threads)]
    common += ["--channels_last"] * arguments.channels_last + ["--use_checkpoint"] * arguments.use_checkpoint
    ours = [arguments.program, "--config", case.config, "--batch", str(case.batch), "--size", str(case.size)]
    return {
        "ours": ours + ["--precision", case.precision] + common,
        "diffusers": [sys.executable, __file__, "--peer", name] + common,
    }


def run(name, case, arguments):
    times = {"ours": [], "diffusers": []}
    parameters, peaks = {}, {}
    for _ in range(arguments.rounds):
        for label, command in commands(name, case, arguments).items():
            with DrivenProcess(command) as side:
                timed(side)
                times[label] += [timed(side) for _ in range(arguments.steps)]
                parameters[label], peaks[label] = side.ready["parameters"], side.end()
    assert parameters["ours"] == parameters["diffusers"], f"expected one structure, got {parameters} parameters"

    print(f"{name}: batch {case.batch}, latents {case.size}x{case.size}, precision {case.precision}")
    medians = {label: statistics.median(values) for label, values in times.items()}
    for label, values in times.items():
        print(
            f"  {label:10s} median {medians[label]:7.3f} s   min {min(values):7.3f}   max {max(values):7.3f}   "
            f"{case.batch / medians[label]:8.3f} samples/s   peak {peaks[label]:6.2f} GB"
        )
    print(f"  ratio ours / diffusers, of the times: {medians['ours'] / medians['diffusers']:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/bin/bench_train_throughput")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="of each process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels_last", action="store_true")
    parser.add_argument("--use_checkpoint", action="store_true")
    parser.add_argument("--peer", choices=CASES, help="be the peer's process in this case")
    arguments = parser.parse_args()
    if arguments.peer:
        torch.set_num_threads(arguments.threads)
        return serve_peer(CASES[arguments.peer], arguments)
    for name in arguments.case or CASES:
        run(name, CASES[name], arguments)


if __name__ == "__main__":
    main()
