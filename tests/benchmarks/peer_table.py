"""The table that peers.py prints: what was measured, what was aimed at, and whether it was met."""

import dataclasses
import importlib.metadata
import operator
import platform

MEETS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}
HEADINGS = ("", "ours", "peer", "ratio", "aim", "")
NOT_MEASURED = "not measured"
PACKAGES = ("torch", "diffusers", "transformers", "openvino")
# Of the processor's abilities those that decide about speed.
ABILITIES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclasses.dataclass(frozen=True)
class Aim:
    sign: str
    limit: float
    unit: str = ""

    def __str__(self):
        return f"{self.sign} {self.limit:g}{self.unit}"


@dataclasses.dataclass(frozen=True)
class Row:
    """`ours` and `peer` are texts. The aim is for the `value`, or where that is absent for the ratio. `is_bound`: the
    ratio is smaller than that."""

    name: str
    ours: str = NOT_MEASURED
    peer: str = "-"
    ratio: float | None = None
    aim: Aim | None = None
    value: float | None = None
    is_bound: bool = False

    def verdict(self):
        value = self.ratio if self.value is None else self.value
        if self.aim is None:
            return ""
        if value is None:
            return NOT_MEASURED
        return "met" if MEETS[self.aim.sign](value, self.aim.limit) else "missed"

    def cells(self):
        ratio = "-" if self.ratio is None else f"{'< ' * self.is_bound}{self.ratio:.3f}"
        return self.name, self.ours, self.peer, ratio, str(self.aim or "-"), self.verdict()


def print_table(rows):
    """As Markdown."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(HEADINGS))]
    lines.insert(1, tuple("-" * width for width in widths))
    for line in lines:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |")


def processor():
    """Its name and kind, and its abilities among ABILITIES."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        first = file.read().split("\n\n")[0]
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
    abilities = [name for name in ABILITIES if name in said.get("flags", "").split()]
    kind = f"family {said.get('cpu family', '?')}, model {said.get('model', '?')}"
    return f"{said.get('model name', 'unknown')} ({kind}; {' '.join(abilities)})"


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def print_heading(threads, rounds):
    print(f"processor: {processor()}; {threads} threads")
    print("peers: " + ", ".join(f"{package} {version(package)}" for package in PACKAGES), end="")
    print(f"; Python {platform.python_version()}")
    print(f"medians of {rounds} steps on each side, in turns, after one that is not counted\n", flush=True)
