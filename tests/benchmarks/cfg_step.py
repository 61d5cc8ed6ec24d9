"""Runs our guidance step beside diffusers' in one go, alternating, and prints both and their ratio.

usage: PYTHON tests/benchmarks/cfg_step.py --ckpt FILE [--program build/bin/bench_cfg_step] [--rounds 5] [--threads 2]

PYTHON needs torch 2.11.0 and diffusers 0.42.1 (a virtual environment outside the repository). diffusers' UNet has
v1's shape and random weights: the time does not depend on them. It runs in float32 in both memory formats, and the
better one counts. The checkpoint is made by `build/bin/make_checkpoint`; read once before, so that the page cache is
warm.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch
from diffusers import UNet2DConditionModel

from page_cache import warm_page_cache

V1 = dict(
    sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280),
    in_channels=4, out_channels=4, layers_per_block=2,
)


class Ours:
    """The C++ program, one step for each line that it is sent."""

    def __init__(self, program, checkpoint, threads):
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "--ckpt", checkpoint, "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.ready = self.event()
        self.seconds_to_ready = time.perf_counter() - begun

    def event(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the program ended early with status {self.process.wait()}")
        return json.loads(line)

    def step(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        event = self.event()
        assert event["finite"], "expected finite values"
        return event["seconds"]

    def end(self):
        self.process.stdin.close()
        event = self.event()
        self.process.wait()
        return event["peak_resident_gb"]


class Peer:
    """diffusers' UNet on the batch [uncond, cond], in one memory format."""

    def __init__(self, memory_format):
        self.unet = UNet2DConditionModel(**V1).eval().to(memory_format=memory_format)
        self.x = torch.randn(1, 4, 64, 64)
        self.context = torch.randn(2, 77, 768)

    @torch.inference_mode()
    def step(self):
        begun = time.perf_counter()
        x = torch.cat([self.x, self.x])
        uncond, cond = self.unet(x, 981, encoder_hidden_states=self.context).sample.chunk(2)
        uncond + 7.5 * (cond - uncond)
        return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--program", default="build/bin/bench_cfg_step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    warm_page_cache(arguments.ckpt)
    ours = Ours(arguments.program, arguments.ckpt, arguments.threads)
    first = ours.step()
    peers = {"NCHW": Peer(torch.contiguous_format), "channels_last": Peer(torch.channels_last)}
    for peer in peers.values():
        peer.step()
    times = {name: [] for name in ("ours", *peers)}
    for _ in range(arguments.rounds):
        times["ours"].append(ours.step())
        for name, peer in peers.items():
            times[name].append(peer.step())
    peak = ours.end()

    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:14s} median {medians[name]:6.3f} s   min {min(values):6.3f}   max {max(values):6.3f}")
    best = min(medians[name] for name in peers)
    print(f"ratio ours / diffusers (better format): {medians['ours'] / best:.3f}")
    print(f"start of the process to the first UNet call: {ours.seconds_to_ready:.2f} s")
    print(f"first call: {first:.3f} s, {first - medians['ours']:+.3f} s over the median")
    print(f"peak resident memory: {peak:.2f} GB")


if __name__ == "__main__":
    main()
