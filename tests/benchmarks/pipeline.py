"""Runs txt2img and img2img beside diffusers' pipelines: whole processes, alternating, from nothing to a PNG.

usage: PYTHON tests/benchmarks/pipeline.py --prepare --folder FOLDER
       PYTHON tests/benchmarks/pipeline.py --ckpt FILE --folder FOLDER [--steps 5] [--rounds 3] [--threads 2]
              [--sampler ddim|plms] [--programs txt2img img2img] [--channels-last] [--bin build/bin]

PYTHON needs torch 2.11.0, diffusers 0.42.1, transformers and accelerate (a virtual environment outside the
repository). --prepare writes what diffusers loads, once: v1's shape with random weights, 4.3 GB. The checkpoint is made
by `build/bin/make_checkpoint`. Both are read once before, so that the page cache is warm.

One picture of 512x512 on the CPU in float32, scale 7.5, no grid. Both sides call the UNet equally often, which is
checked: once for each of `steps`, and once more with plms. img2img runs with strength 0.5, so it is asked for twice as
many steps, and with ddim always.

Printed are medians over the rounds and their ratio, ours / diffusers:
  start-up       from the start of the process to the first UNet call: weights, text, img2img's input picture
  step           from there to the end of the last step, divided by their number
  decode         from there until the PNG is written
  whole run      from the start of the process to its end
  peak resident  memory of the process, with the pages of the weights that it maps
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from page_cache import warm_page_cache

HERE = Path(__file__).parent
PROMPT = "a photograph of an astronaut riding a horse"
SIZE, SCALE, STRENGTH = 512, 7.5, 0.5
MEASURES = {"start-up": "s", "step": "s", "decode": "s", "whole run": "s", "peak resident": "GB"}


def input_picture(arguments):
    return Path(arguments.folder) / "input.png"


class Job:
    """One picture, as both sides are asked for it."""

    def __init__(self, program, arguments):
        self.program = program
        self.from_image = program == "img2img"
        self.sampler = "ddim" if self.from_image else arguments.sampler
        self.unet_calls = arguments.steps + (self.sampler == "plms")
        self.steps = arguments.steps
        # Those that --strength leaves of them are the steps that are run.
        self.steps_asked_for = round(arguments.steps / STRENGTH) if self.from_image else arguments.steps
        self.threads = arguments.threads
        self.init_img = input_picture(arguments)


class Ours:
    """Our program, whose moments are the lines that it prints for people."""

    PROGRESS = re.compile(r"batch 1/1: step (\d+)/(\d+),")

    def __init__(self, job, arguments):
        self.job = job
        self.program = Path(arguments.bin) / job.program
        self.checkpoint = arguments.ckpt

    def command(self, folder):
        job = self.job
        command = [
            self.program, "--ckpt", self.checkpoint, "--precision", "full", "--device", "cpu",
            "--threads", str(job.threads), "--outdir", folder, "--skip_grid", "--n_samples", "1", "--n_iter", "1",
            "--prompt", PROMPT, "--scale", str(SCALE), "--ddim_steps", str(job.steps_asked_for),
        ]
        if job.from_image:
            return [*command, "--init-img", job.init_img, "--strength", str(STRENGTH)]
        return [*command, "--H", str(SIZE), "--W", str(SIZE), *(["--plms"] if job.sampler == "plms" else [])]

    def moment(self, line):
        """The moment that a line marks, and the UNet calls that it tells of, if any."""
        if line.rstrip().endswith(".png"):
            return "written", None
        found = self.PROGRESS.search(line)
        if not found:
            return None, None
        step, steps = map(int, found.groups())
        return ("step" if step > 0 else "first_unet_call"), steps + (self.job.sampler == "plms")


class Peer:
    """diffusers, driven by pipeline_peer.py."""

    def __init__(self, job, arguments):
        self.job = job
        self.folder = arguments.folder
        self.channels_last = arguments.channels_last

    def command(self, folder):
        job = self.job
        command = [
            sys.executable, HERE / "pipeline_peer.py", "--folder", self.folder, "--threads", str(job.threads),
            "--output", Path(folder) / "picture.png", "--size", str(SIZE), "--sampler", job.sampler,
            "--prompt", PROMPT, "--scale", str(SCALE), "--steps", str(job.steps_asked_for),
        ]
        if self.channels_last:
            command.append("--channels-last")
        return [*command, "--init-img", job.init_img, "--strength", str(STRENGTH)] if job.from_image else command

    def moment(self, line):
        if not line.startswith('{"event"'):
            return None, None
        event = json.loads(line)
        return event["event"], event.get("unet_calls")


def run(side):
    """A fresh process to its end: what it took, by the names of MEASURES."""
    settings = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(side.job.threads)}
    at, calls, output = {}, None, []
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        process = subprocess.Popen(
            side.command(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **settings},
        )
        for line in process.stdout:
            now = time.perf_counter() - begun
            output.append(line)
            moment, told = side.moment(line)
            if moment:
                at[moment] = now
            calls = told or calls
        # In place of process.wait(), for the memory.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        end = time.perf_counter() - begun
        pictures = len(list(Path(folder).rglob("*.png")))
    if process.returncode != 0 or pictures != 1 or len(at) != 3:
        said = "".join(output)
        raise SystemExit(f"{said}expected one picture, got {pictures}, status {process.returncode}, moments {at}")
    if calls != side.job.unet_calls:
        raise SystemExit(f"expected {side.job.unet_calls} UNet calls, got {calls}: choose --steps that divide 500")
    return {
        "start-up": at["first_unet_call"],
        "step": (at["step"] - at["first_unet_call"]) / side.job.steps,
        "decode": at["written"] - at["step"],
        "whole run": end,
        "peak resident": usage.ru_maxrss * 1024 / 1e9,
    }


def cell(values):
    return f"{statistics.median(values):8.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(job, arguments):
    sides = {"ours": Ours(job, arguments), "diffusers": Peer(job, arguments)}
    results = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, side in sides.items():
            results[name].append(run(side))
    print(f"{job.program}, {job.sampler}, {job.steps} steps, {job.threads} threads; median (min to max) of the rounds")
    print(f"{'':18s} {'ours':26s} {'diffusers':26s}    ratio")
    for measure, unit in MEASURES.items():
        ours, peer = ([result[measure] for result in results[name]] for name in sides)
        ratio = statistics.median(ours) / statistics.median(peer)
        print(f"{measure + ', ' + unit:18s} {cell(ours):26s} {cell(peer):26s} {ratio:8.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--ckpt")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sampler", choices=("ddim", "plms"), default="ddim")
    parser.add_argument("--programs", nargs="+", choices=("txt2img", "img2img"), default=("txt2img", "img2img"))
    parser.add_argument("--channels-last", action="store_true", help="diffusers' UNet and VAE in this memory format")
    parser.add_argument("--bin", default="build/bin")
    arguments = parser.parse_args()
    if arguments.prepare:
        from pipeline_folder import prepare  # loads torch and diffusers, which timing does without

        prepare(Path(arguments.folder), input_picture(arguments))
        return
    if not arguments.ckpt:
        parser.error("expected --ckpt, or --prepare")
    for path in (arguments.ckpt, *Path(arguments.folder).rglob("*.safetensors")):
        warm_page_cache(path)
    for program in arguments.programs:
        compare(Job(program, arguments), arguments)


if __name__ == "__main__":
    main()
