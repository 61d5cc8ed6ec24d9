"""Runs two builds of bench_model in turns, and prints their medians and the ratio.

usage: python3 tests/benchmarks/compare_builds.py OLD_PROGRAM NEW_PROGRAM --part unet|vae|clip --ckpt FILE [--rounds 5]
           [--precision full] [--size 512] [--batch 1] [--threads 2]

The checkpoint is read once before, so that the page cache is warm.
"""

import argparse
import statistics

from driven_process import DrivenProcess
from page_cache import warm_page_cache

PASSED_ON = ("part", "ckpt", "precision", "size", "batch", "threads")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old_program")
    parser.add_argument("new_program")
    parser.add_argument("--part", choices=("unet", "vae", "clip"), required=True)
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("full", "autocast", "half", "bf16"), default="full")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    words = [word for name in PASSED_ON for word in (f"--{name}", getattr(arguments, name))]
    warm_page_cache(arguments.ckpt)
    with DrivenProcess([arguments.old_program, *words]) as old, DrivenProcess([arguments.new_program, *words]) as new:
        sides = {"old": old, "new": new}
        for side in sides.values():
            side.seconds()
        rounds = [{name: side.seconds() for name, side in sides.items()} for _ in range(arguments.rounds)]
        peaks = {name: side.end() for name, side in sides.items()}

    medians = {}
    for name in sides:
        times = [each[name] for each in rounds]
        medians[name] = statistics.median(times)
        print(
            f"{name} median {medians[name]:7.3f} s   min {min(times):7.3f}   max {max(times):7.3f}   "
            f"peak resident {peaks[name]:5.2f} GB"
        )
    print(f"ratio new / old: {medians['new'] / medians['old']:.3f}")


if __name__ == "__main__":
    main()
