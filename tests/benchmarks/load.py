"""Loads the averages of a full checkpoint and the same weights of a file that holds nothing else, in turns.

usage: python3 tests/benchmarks/load.py --full FULL.ckpt --only ONLY.ckpt [--program build/bin/bench_load] [--rounds 5]
                                        [--mmap auto|on|off]

FULL holds weights and averages (`make_checkpoint --ema`), ONLY the averages alone (`ckpt convert FULL ONLY --ema
only`). Each load is a process that binds the weights and reads every byte of them. What FULL holds beside must cost
neither time nor memory: the ratios should be 1. Both files are read once before, so that the page cache is warm.
"""

import argparse
import json
import statistics
import subprocess

from page_cache import warm_page_cache


def load(program, checkpoint, ema, mmap):
    command = [program, "--ckpt", checkpoint, "--ema", ema, "--mmap", mmap]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", required=True)
    parser.add_argument("--only", required=True)
    parser.add_argument("--program", default="build/bin/bench_load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mmap", default="auto")
    arguments = parser.parse_args()

    cases = {"full": (arguments.full, "on"), "only": (arguments.only, "off")}
    results = {name: [] for name in cases}
    for path, _ in cases.values():
        warm_page_cache(path)
    for _ in range(arguments.rounds):
        for name, (path, ema) in cases.items():
            results[name].append(load(arguments.program, path, ema, arguments.mmap))

    sums = {result["sum"] for values in results.values() for result in values}
    assert len(sums) == 1, f"expected the same weights from both files, got sums {sums}"
    medians = {
        name: {key: statistics.median(value[key] for value in values) for key in values[0]}
        for name, values in results.items()
    }
    for key, unit in (("read", "s"), ("bind", "s"), ("whole", "s"), ("resident_gb", "GB"), ("mapped_gb", "GB")):
        full, only = medians["full"][key], medians["only"][key]
        ratio = full / only if only else float("nan")
        print(f"{key:12s} full {full:7.3f} {unit}   only {only:7.3f} {unit}   ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
