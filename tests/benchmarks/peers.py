"""Runs bench_model beside its peers, one after the other and in turns with each, and prints one table.

usage: PYTHON tests/benchmarks/peers.py --ckpt FILE [--half-ckpt FILE] [--program build/bin/bench_model] [--rounds 5]
           [--threads 2] [--only NAME,...] [--quick]

`bash tests/benchmarks/peers.sh` prepares all that this needs and calls it. PYTHON needs torch 2.11.0, diffusers 0.42.1
and transformers; without openvino its rows are marked as not measured. The checkpoint is made by
`build/bin/make_checkpoint`, and read once before, so that the page cache is warm. --half-ckpt is the same in float16,
from which bfloat16 is loaded where the start is timed.

Every side is a process of its own, driven by lines. Beside ours lives one peer at a time, for its weights. diffusers
runs in both memory formats, and the better one counts. Each ratio is of medians that were taken in turns. A peer whose
first step takes over ten times ours is given up: the table has that time with a ">".
"""

import argparse
import dataclasses
import importlib.util
import os
import statistics
import sys
from pathlib import Path

from driven_process import DrivenProcess, ProcessFailed, TooSlow
from page_cache import warm_page_cache
from peer_table import NOT_MEASURED, Aim, Row, print_heading, print_table

HERE = Path(__file__).parent
PRECISIONS = {"fp32": "full", "bf16": "bf16"}
DIFFUSERS = ("diffusers", "diffusers-channels-last")
FORMATS = {"diffusers-channels-last": ", channels_last"}  # which the table names
SIZES = {256: None, 512: None, 768: None, 1024: Aim("<", 12, " GB")}
STEPS_AFTER_START = 2
# Times our first step: PyTorch's bfloat16 takes many minutes where the processor has no instructions for it.
PATIENCE = 10

CFG_AIMS = {"diffusers": Aim("<=", 0.55), "OpenVINO": Aim("<=", 1.0)}
VAE_AIMS = {"fp32": Aim("<=", 0.75), "bf16": Aim("<=", 0.85)}
# What the decoder's weights take: in bfloat16 they are copies that are there before the first step.
DECODER_GB = {"fp32": 0.198, "bf16": 0}
DECODING_AIM = Aim("<", 1, " GB")
RESIDENT_AIMS = {"fp32": Aim("<", 5, " GB"), "bf16": Aim("<", 2.8, " GB")}
CLIP_AIM = Aim("<", 0.090, " s")
START_AIMS = {"fp32": Aim("<", 1, " s"), "bf16": Aim("<", 1.5, " s")}
EXCESS_AIM = Aim("<", 1, " s")
BATCH_AIM = Aim("<=", 1.0)
SPEED_UP_AIM = Aim(">=", 1.85)


def ours(arguments, part, precision="fp32", **options):
    options = {"ckpt": arguments.ckpt, "threads": arguments.threads, "precision": PRECISIONS[precision], **options}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return DrivenProcess([arguments.program, "--part", part, *words])


def peer(arguments, part, precision, engine):
    threads = str(arguments.threads)
    settings = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": threads}
    words = ["--part", part, "--precision", precision, "--engine", engine, "--threads", threads]
    return DrivenProcess([sys.executable, HERE / "peer_process.py", *words], {**os.environ, **settings})


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Seconds of ours and of the peer's fastest engine; no engine: none ran. `given_up`: the peer takes longer."""

    own: float
    other: float | None = None
    engine: str | None = None
    given_up: bool = False


def alternate(arguments, *sides):
    """Median seconds of each side, their steps in turns, after one of each that is not counted. A side that takes over
    PATIENCE times the first one's seconds is a TooSlow."""
    first = sides[0].seconds()
    for side in sides[1:]:
        side.seconds(PATIENCE * first)
    rounds = [[side.seconds() for side in sides] for _ in range(arguments.rounds)]
    return [statistics.median(times) for times in zip(*rounds)]


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def beside(arguments, part, precision, engines):
    """The Comparison with the fastest engine; our peak memory, and how much of it came after the loading."""
    results, too_slow = [], None
    with ours(arguments, part, precision) as mine:
        for engine in engines:
            say(f"{part} {precision}: {engine}")
            try:
                with peer(arguments, part, precision, engine) as theirs:
                    own, other = alternate(arguments, mine, theirs)
                    say(f"ours {own:.3f} s, {engine} {other:.3f} s: {own / other:.3f}")
                    results.append(Comparison(own, other, engine))
                    theirs.end()
            except ProcessFailed as error:
                say(str(error))
                if isinstance(error, TooSlow):
                    too_slow = engine
        if not results:
            (own,) = alternate(arguments, mine)
            results.append(Comparison(own, PATIENCE * own, too_slow, given_up=True) if too_slow else Comparison(own))
        peak = mine.end()
    return min(results, key=lambda result: result.other or 0), peak, peak - mine.ready["peak_resident_gb"]


def ratio_row(name, result, aim, judge_ours=False):
    ours_text = f"{result.own:.3f} s"
    value = result.own if judge_ours else None
    if not result.engine:
        return Row(name, ours_text, NOT_MEASURED, aim=aim, value=value)
    theirs = f"{'> ' * result.given_up}{result.other:.3f} s{FORMATS.get(result.engine, '')}"
    return Row(name, ours_text, theirs, result.own / result.other, aim, value, is_bound=result.given_up)


def memory_row(name, peak, aim=None):
    return Row(name, f"{peak:.2f} GB", aim=aim, value=peak)


def cfg_rows(arguments, precision):
    name = f"CFG step 512, {precision}"
    result, peak, _ = beside(arguments, "unet", precision, DIFFUSERS)
    rows = [
        ratio_row(f"{name} / diffusers", result, CFG_AIMS["diffusers"]),
        memory_row(f"{name}: peak resident", peak, RESIDENT_AIMS[precision]),
    ]
    if not importlib.util.find_spec("openvino"):
        return [*rows, Row(f"{name} / OpenVINO", peer=NOT_MEASURED, aim=CFG_AIMS["OpenVINO"])]
    result, _, _ = beside(arguments, "unet", precision, ("openvino",))
    return [*rows, ratio_row(f"{name} / OpenVINO", result, CFG_AIMS["OpenVINO"])]


def vae_rows(arguments, precision):
    name = f"VAE decode 512, {precision}"
    result, peak, grown = beside(arguments, "vae", precision, DIFFUSERS)
    beyond = grown - DECODER_GB[precision]
    return [
        ratio_row(f"{name} / diffusers", result, VAE_AIMS[precision]),
        memory_row(f"{name}: peak resident", peak),
        memory_row(f"{name}: of that beyond the weights", beyond, DECODING_AIM),
    ]


def clip_rows(arguments):
    result, _, _ = beside(arguments, "clip", "fp32", DIFFUSERS[:1])
    return [ratio_row("CLIP, both prompts, fp32 / transformers", result, CLIP_AIM, judge_ours=True)]


def start_rows(arguments, precision, ckpt, stored):
    """Fresh processes: until the next thing is the first UNet call; and what that takes more than the next ones."""
    name = f"{precision} of a {stored} checkpoint"
    if not ckpt:
        return [Row(f"start to first UNet call, {name}", aim=START_AIMS[precision])]
    warm_page_cache(ckpt)
    starts, firsts, others = [], [], []
    for _ in range(arguments.rounds):
        with ours(arguments, "unet", precision, ckpt=ckpt) as mine:
            starts.append(mine.seconds_to_ready)
            firsts.append(mine.seconds())
            others += [mine.seconds() for _ in range(STEPS_AFTER_START)]
            mine.end()
    start = statistics.median(starts)
    excess = statistics.median(firsts) - statistics.median(others)
    return [
        Row(f"start to first UNet call, {name}", f"{start:.3f} s", aim=START_AIMS[precision], value=start),
        Row(f"first call over the median, {name}", f"{excess:+.3f} s", aim=EXCESS_AIM, value=excess),
    ]


def batch_rows(arguments):
    with ours(arguments, "unet", batch=1) as one, ours(arguments, "unet", batch=4) as four:
        alone, together = alternate(arguments, one, four)
        one.end()
        peak = four.end()
    each = together / 4
    text = f"{each:.3f} s each, peak {peak:.2f} GB"
    return [Row("CFG step 512, fp32, batch 4 / batch 1", text, f"{alone:.3f} s, ours", each / alone, BATCH_AIM)]


def thread_rows(arguments):
    """How many times as fast as one thread: the other way round than the other ratios."""
    if arguments.threads < 2:
        return [Row("CFG step 512, fp32: speed-up over one thread", aim=SPEED_UP_AIM)]
    with ours(arguments, "unet", threads=1) as one, ours(arguments, "unet") as many:
        slow, fast = alternate(arguments, one, many)
        one.end()
        many.end()
    name = f"CFG step 512, fp32: speed-up of {arguments.threads} threads over one"
    # The aim is for two threads; more need not be as near to their number.
    aim = SPEED_UP_AIM if arguments.threads == 2 else None
    return [Row(name, f"{fast:.3f} s", f"{slow:.3f} s, ours", slow / fast, aim)]


def size_rows(arguments):
    rows = []
    for size, aim in SIZES.items():
        if arguments.quick and size > 512:
            rows.append(Row(f"CFG step {size}, fp32", aim=aim))
            continue
        say(f"size {size}")
        with ours(arguments, "unet", size=size) as mine:
            (seconds,) = alternate(arguments, mine)
            peak = mine.end()
        rows.append(Row(f"CFG step {size}, fp32", f"{seconds:.3f} s, peak {peak:.2f} GB", aim=aim, value=peak))
    return rows


GROUPS = {
    "cfg-fp32": lambda arguments: cfg_rows(arguments, "fp32"),
    "cfg-bf16": lambda arguments: cfg_rows(arguments, "bf16"),
    "vae-fp32": lambda arguments: vae_rows(arguments, "fp32"),
    "vae-bf16": lambda arguments: vae_rows(arguments, "bf16"),
    "clip": clip_rows,
    "start": lambda arguments: [
        *start_rows(arguments, "fp32", arguments.ckpt, "float32"),
        *start_rows(arguments, "bf16", arguments.half_ckpt, "float16"),
    ],
    "batch": batch_rows,
    "threads": thread_rows,
    "sizes": size_rows,
}


def measure(arguments):
    """The rows of all groups; and whether one failed, which does not keep the others from being measured."""
    rows, failed = [], False
    for name in arguments.only:
        say(name)
        try:
            rows += GROUPS[name](arguments)
        except ProcessFailed as error:
            say(str(error))
            rows.append(Row(name, NOT_MEASURED))
            failed = True
    return rows, failed


def names(text):
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(GROUPS)}, got {', '.join(unknown)}")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--half-ckpt")
    parser.add_argument("--program", default="build/bin/bench_model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", type=names, default=list(GROUPS), metavar="NAME,...", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="one round, and no size above 512")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    print_heading(arguments.threads, arguments.rounds)
    warm_page_cache(arguments.ckpt)
    rows, failed = measure(arguments)
    print_table(rows)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
