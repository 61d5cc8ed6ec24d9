"""Runs txt2img and img2img beside other programs: whole processes, alternating, from nothing to a PNG.

usage: PYTHON tests/benchmarks/pipeline.py --prepare --folder FOLDER
       PYTHON tests/benchmarks/pipeline.py --ckpt FILE --folder FOLDER [--steps 5] [--rounds 3] [--threads 2]
              [--sampler ddim|plms] [--programs txt2img img2img] [--peers diffusers sd.cpp] [--channels-last]
              [--bin build/bin]

PYTHON needs torch 2.11.0, diffusers 0.42.1, transformers and accelerate (a virtual environment outside the
repository), and for sd.cpp the package stable-diffusion-cpp-python. --prepare writes what diffusers loads, once: v1's
shape with random weights, 4.3 GB. The checkpoint, which ours and sd.cpp load, is made by `build/bin/make_checkpoint`.
Both are read once before, so that the page cache is warm.

One picture of 512x512 on the CPU in float32 (sd.cpp: float16), scale 7.5, no grid. All sides call the UNet once for
each of `steps`, ours and diffusers once more with plms, which is checked. img2img runs with strength 0.5, so it is
asked for twice as many steps, with ddim always, and beside diffusers alone.

Printed are medians over the rounds and their ratios, ours / peer:
  start-up       from the start of the process until the model is loaded
  encode         from there to the first UNet call: the text, and img2img's input picture
  step           from there to the end of the last step, divided by their number
  decode         from there until the PNG is written
  whole run      from the start of the process to its end
  processor      time of all threads, in the program and in the kernel for it
  peak resident  memory of the process, with the pages of the weights that it maps
"""

import argparse
import dataclasses
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
SECONDS = ("start-up", "encode", "step", "decode", "whole run", "processor")
MEASURES = {**dict.fromkeys(SECONDS, "s"), "peak resident": "GB"}


def input_picture(arguments):
    return Path(arguments.folder) / "input.png"


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture, as all sides are asked for it."""

    program: str
    sampler: str
    steps: int
    steps_asked_for: int  # those that --strength leaves of them are the steps that are run
    unet_calls: int
    threads: int
    init_img: Path

    @property
    def from_image(self):
        return self.program == "img2img"


def make_job(program, arguments):
    from_image = program == "img2img"
    sampler = "ddim" if from_image else arguments.sampler
    return Job(
        program,
        sampler,
        steps=arguments.steps,
        steps_asked_for=round(arguments.steps / STRENGTH) if from_image else arguments.steps,
        unet_calls=arguments.steps + (sampler == "plms"),
        threads=arguments.threads,
        init_img=input_picture(arguments),
    )


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
        if "tensors mapped" in line:
            return "loaded", None
        found = self.PROGRESS.search(line)
        if not found:
            return None, None
        step, steps = map(int, found.groups())
        return ("step" if step > 0 else "first_unet_call"), steps + (self.job.sampler == "plms")


def peer_command(script, job, folder):
    """What all peers' scripts take."""
    return [
        sys.executable, HERE / script, "--threads", str(job.threads), "--output", Path(folder) / "picture.png",
        "--sampler", job.sampler, "--size", str(SIZE), "--prompt", PROMPT, "--scale", str(SCALE),
        "--steps", str(job.steps_asked_for),
    ]


class Peer:
    """A peer whose script tells of its moments in JSON lines."""

    def moment(self, line):
        if not line.startswith('{"event"'):
            return None, None
        event = json.loads(line)
        return event["event"], event.get("unet_calls")


class Diffusers(Peer):
    def __init__(self, job, arguments):
        self.job = job
        self.folder = arguments.folder
        self.channels_last = arguments.channels_last

    def command(self, folder):
        job = self.job
        command = [*peer_command("pipeline_peer.py", job, folder), "--folder", self.folder]
        if self.channels_last:
            command.append("--channels-last")
        return [*command, "--init-img", job.init_img, "--strength", str(STRENGTH)] if job.from_image else command


class StableDiffusionCpp(Peer):
    def __init__(self, job, arguments):
        self.job = dataclasses.replace(job, unet_calls=job.steps)
        self.checkpoint = arguments.ckpt

    def command(self, folder):
        return [*peer_command("pipeline_peer_ggml.py", self.job, folder), "--ckpt", self.checkpoint]


PEERS = {"diffusers": Diffusers, "sd.cpp": StableDiffusionCpp}


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
    if process.returncode != 0 or pictures != 1 or len(at) != 4:
        said = "".join(output)
        raise SystemExit(f"{said}expected one picture, got {pictures}, status {process.returncode}, moments {at}")
    if calls != side.job.unet_calls:
        raise SystemExit(f"expected {side.job.unet_calls} UNet calls, got {calls}: choose --steps that divide 500")
    return {
        "start-up": at["loaded"],
        "encode": at["first_unet_call"] - at["loaded"],
        "step": (at["step"] - at["first_unet_call"]) / side.job.steps,
        "decode": at["written"] - at["step"],
        "whole run": end,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak resident": usage.ru_maxrss * 1024 / 1e9,
    }


def cell(values):
    return f"{statistics.median(values):8.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(job, arguments):
    peers = [name for name in arguments.peers if name == "diffusers" or not job.from_image]
    sides = {"ours": Ours(job, arguments), **{name: PEERS[name](job, arguments) for name in peers}}
    results = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, side in sides.items():
            results[name].append(run(side))
    print(f"{job.program}, {job.sampler}, {job.steps} steps, {job.threads} threads; median (min to max) of the rounds")
    print(f"{'':18s} {'ours':26s}" + "".join(f" {name:26s}    ratio" for name in peers))
    for measure, unit in MEASURES.items():
        values = {name: [result[measure] for result in results[name]] for name in sides}
        line = f"{measure + ', ' + unit:18s} {cell(values['ours']):26s}"
        for name in peers:
            ratio = statistics.median(values["ours"]) / statistics.median(values[name])
            line += f" {cell(values[name]):26s} {ratio:8.3f}"
        print(line, flush=True)


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
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=("diffusers",))
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
        compare(make_job(program, arguments), arguments)


if __name__ == "__main__":
    main()
