"""Recomputes the numbers of an experiment's run from its files alone, and compares.

usage: python recompute.py FOLDER    (numpy, Pillow, scikit-image; README.md says how to get them)

FOLDER is what `experiment run` wrote to. Prints what differs: metrics of pairs, latent distances, hashes and sizes of the
pictures, results.csv against results.jsonl, and what each picture is compared with. Exit status 0: nothing differs; 1: something
does, or there is nothing to look at; 2: a package is missing, or the command is wrong.
"""

import collections
import csv
import functools
import hashlib
import json
import math
import pathlib
import struct
import sys

try:
    import numpy
    from PIL import Image
    from skimage.metrics import structural_similarity
except ImportError as error:
    print(f"expected numpy, Pillow and scikit-image, got: {error}", file=sys.stderr)
    sys.exit(2)

# Relative, by metric. Means of 8-bit levels are nearly exact; the window of SSIM and the latents are summed in other orders.
TOLERANCES = {"psnr": 1e-9, "mad": 1e-9, "ssim": 1e-7, "latent_distance": 1e-6}
WINDOW = 11  # of SSIM, in pixels: smaller pictures have none
UNREADABLE = (OSError, ValueError, KeyError, struct.error)


@functools.lru_cache(maxsize=256)
def read_pixels(path):
    with Image.open(path) as image:
        return numpy.asarray(image.convert("RGB"))


@functools.lru_cache(maxsize=256)
def read_latents(path):
    """The tensor "x" of a .safetensors file: [steps, all values] float64, and its shape."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])["x"]
    if header["dtype"] != "F32":
        raise ValueError(f"expected float32 latents, got {header['dtype']}")
    begin, end = header["data_offsets"]
    values = numpy.frombuffer(data[8 + length + begin : 8 + length + end], dtype="<f4").astype(numpy.float64)
    return values.reshape(header["shape"][0], -1), header["shape"]


def metrics_of(folder, row, other):
    """Metrics of a pair by name, without those that it cannot have, and the distances of its latents."""
    a, b = (read_pixels(folder / one["file"]) for one in (row, other))
    values, distances = {}, []
    if a.shape == b.shape:
        apart = a.astype(numpy.float64) - b.astype(numpy.float64)
        error = (apart**2).mean()
        values["psnr"] = 10 * math.log10(255**2 / error) if error > 0 else math.inf
        values["mad"] = numpy.abs(apart).mean()
        values["ssim"] = math.nan
        if min(a.shape[:2]) >= WINDOW:
            values["ssim"] = structural_similarity(
                a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
            )
    if row["latents"] and other["latents"]:
        (x, shape), (y, other_shape) = (read_latents(folder / one["latents"]) for one in (row, other))
        if shape == other_shape:
            apart, size = (numpy.sqrt((one**2).sum(axis=1)) for one in (x - y, y))
            distances = [0.0 if d == 0 else d / s if s > 0 else math.inf for d, s in zip(apart, size)]
            values["latent_distance"] = distances[-1]
    return values, distances


def same(found, expected, tolerance):
    """Whether a number of results.jsonl is right; null stands for what is not finite."""
    if found is None or not math.isfinite(expected):
        return found is None and not math.isfinite(expected)
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-12)


def metric_faults(folder, row, other, asked):
    """What is wrong with the metrics of a row that is compared with `other` (None: with nothing)."""
    values, distances = metrics_of(folder, row, other) if other else ({}, [])
    for name in asked:
        expected, found = values.get(name), row["metrics"].get(name, "none")
        right = found == "none" if expected is None else found != "none" and same(found, expected, TOLERANCES[name])
        if not right:
            yield f"{name}: expected {'none' if expected is None else expected}, got {found}"
    found = row["latent_distances"]
    expected = distances if "latent_distance" in asked else []
    if len(found) != len(expected):
        yield f"expected {len(expected)} latent distances, got {len(found)}"
    for step, (one, two) in enumerate(zip(found, expected)):
        if not same(one, two, TOLERANCES["latent_distance"]):
            yield f"latent distance after step {step + 1}: expected {two}, got {one}"


def file_faults(folder, row):
    path = folder / row["file"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != row["picture_sha256"]:
        yield f"expected SHA-256 {row['picture_sha256']}, got {digest}"
    height, width = read_pixels(path).shape[:2]
    if (width, height) != (row["width"], row["height"]):
        yield f"expected {row['width']}x{row['height']} pixels, got {width}x{height}"


def csv_faults(row, line):
    """What results.csv says otherwise than results.jsonl does."""
    for name, text in line.items():
        if name in row["axes"]:
            value = row["axes"][name]
        else:
            value = row[name] if name in row else row["metrics"].get(name)
        if isinstance(value, float):
            equal = text not in ("", None) and float(text) == value
        else:
            equal = text == ("" if value is None else str(value))
        if not equal:
            yield f"results.csv says {name} {text!r}, results.jsonl {value!r}"


def place_of(row):
    return {"model": row["model"], **row["axes"]}


def kin_of(row):
    """What a picture has in common with the one it is compared with, whatever the axis."""
    negative = None if "negative-prompt" in row["axes"] else row["negative_prompt"]
    return row["prompt"], negative, row["seed"]


def comparison_faults(rows, families, axis, to):
    """What is wrong if each picture is to be compared with the one whose `axis` is `to` and all else the same.

    Axes that are zipped with this one change with it; which these are is not in the results. So the right picture is one to
    which no other comes nearer: none that differs in fewer of the same axes.
    """
    faults = []
    for row in rows:
        own, found = place_of(row), row["compared_to"]
        if own.get(axis) == to:
            if found:
                faults.append((row, f"expected no comparison of what others are compared with, got {found}"))
            continue
        choices = [
            (frozenset(name for name, value in place_of(one).items() if value != own[name]), one["key"])
            for one in families[kin_of(row)]
            if place_of(one).get(axis) == to
        ]
        nearest = {key for apart, key in choices if not any(less < apart for less, _ in choices)}
        if found and found not in nearest:
            faults.append((row, f"expected a comparison with one of {sorted(nearest)}, got {found}"))
        if not found and any(apart == {axis} for apart, _ in choices):
            faults.append((row, f"expected a comparison with one of {sorted(nearest)}, got none"))
    return faults


def best_explanation(rows):
    """The faults that remain with the axis and value that explain all comparisons best."""
    if not any(row["compared_to"] for row in rows):
        return []
    families = collections.defaultdict(list)
    for row in rows:
        families[kin_of(row)].append(row)
    targets = {row["compared_to"] for row in rows}
    values = {item for row in rows if row["key"] in targets for item in place_of(row).items()}
    every = (comparison_faults(rows, families, axis, to) for axis, to in sorted(values))
    return min(every, key=len, default=[(rows[0], "expected comparisons with pictures of this run, got none")])


def read_results(folder):
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return rows, list(reader), reader.fieldnames or []


def check_row(folder, row, by_key, asked):
    try:
        yield from file_faults(folder, row)
        if row["compared_to"] and row["compared_to"] not in by_key:
            yield f"compared with {row['compared_to']}, which is not in results.jsonl"
        else:
            yield from metric_faults(folder, row, by_key.get(row["compared_to"]), asked)
    except UNREADABLE as error:
        yield f"cannot be checked: {type(error).__name__}: {error}"


def main(folder):
    try:
        rows, lines, columns = read_results(folder)
    except UNREADABLE as error:
        print(f"expected results.jsonl and results.csv in {folder}, got: {error}")
        return 1
    by_key = {row["key"]: row for row in rows}
    asked = [name for name in TOLERANCES if name in columns]
    problems = []
    if not rows:
        problems.append("expected pictures, got an empty results.jsonl")
    if len(rows) != len(lines):
        problems.append(f"{len(rows)} pictures in results.jsonl, {len(lines)} in results.csv")
    for row in rows:
        problems += [f"{row['file']}: {fault}" for fault in check_row(folder, row, by_key, asked)]
    for row, line in zip(rows, lines):
        problems += [f"{row['file']}: {fault}" for fault in csv_faults(row, line)]
    problems += [f"{row['file']}: {fault}" for row, fault in best_explanation(rows)]
    compared = sum(1 for row in rows if row["compared_to"])
    print("\n".join(problems) or f"{len(rows)} pictures, {compared} of them compared: all numbers are right")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        sys.exit(2)
    sys.exit(main(pathlib.Path(sys.argv[1])))
