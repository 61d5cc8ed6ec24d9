"""Recomputes the numbers of an experiment's run from its pictures and latents, and compares.

usage: python recompute.py FOLDER    (numpy, Pillow, scikit-image)

FOLDER is what `experiment run` wrote to. Prints what differs; exit status 0: nothing, 1: something, 2: a package is missing.
"""

import csv
import hashlib
import json
import math
import pathlib
import struct
import sys

try:
    import numpy
    from PIL import Image
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity
except ImportError as error:
    sys.exit(print(f"expected numpy, Pillow and scikit-image, got: {error}") or 2)

PAIR_METRICS = {"psnr", "ssim", "mad", "latent_distance"}


def read_latents(path):
    """The tensor "x" of a .safetensors file, float64."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])["x"]
    assert header["dtype"] == "F32", header
    begin, end = header["data_offsets"]
    values = numpy.frombuffer(data[8 + length + begin : 8 + length + end], dtype="<f4")
    return values.reshape(header["shape"]).astype(numpy.float64)


def metrics_of(folder, row, other):
    a, b = (numpy.asarray(Image.open(folder / one["file"])) for one in (row, other))
    values = {}
    if a.shape == b.shape:
        values["mad"] = numpy.abs(a.astype(float) - b.astype(float)).mean()
        values["psnr"] = peak_signal_noise_ratio(a, b, data_range=255) if (a != b).any() else math.inf
        if min(a.shape[:2]) >= 11:
            values["ssim"] = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5,
                                                   use_sample_covariance=False, data_range=255)
    distances = []
    if row["latents"] and other["latents"]:
        x, y = (read_latents(folder / one["latents"]) for one in (row, other))
        if x.shape == y.shape:
            apart = numpy.sqrt(((x - y) ** 2).sum(axis=(1, 2, 3)))
            distances = list(apart / numpy.sqrt((y**2).sum(axis=(1, 2, 3))))
            values["latent_distance"] = distances[-1]
    return values, distances


def same(found, expected, tolerance):
    if found is None or found == "":
        return not math.isfinite(expected)
    return math.isclose(float(found), expected, rel_tol=tolerance, abs_tol=tolerance)


def check_pair(folder, row, other, complain):
    for key in ("prompt", "negative_prompt", "seed"):
        if row[key] != other[key]:
            complain(row, f"compared with a picture of another {key}")
    values, distances = metrics_of(folder, row, other)
    for name, found in row["metrics"].items():
        if name in PAIR_METRICS and (name not in values or not same(found, values[name], 1e-6)):
            complain(row, f"{name}: expected {values.get(name)}, got {found}")
    if row["latent_distances"] and not numpy.allclose(row["latent_distances"], distances, rtol=1e-6):
        complain(row, "latent distances differ")


def check_csv(row, line, complain):
    for name in ("key", "file", "model", "prompt", "negative_prompt", "seed", "compared_to", "command", *row["axes"]):
        value = row["axes"][name] if name in row["axes"] else row[name]
        if line[name] != str(value):
            complain(row, f"results.csv says {name} {line[name]!r}, results.jsonl {value!r}")
    for name, value in row["metrics"].items():
        if name in line and line[name] != "" and float(line[name]) != value:
            complain(row, f"results.csv says {name} {line[name]}, results.jsonl {value}")


def main(folder):
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    by_key = {row["key"]: row for row in rows}
    problems = [] if len(rows) == len(lines) else [f"{len(rows)} rows in results.jsonl, {len(lines)} in results.csv"]

    def complain(row, text):
        problems.append(f"{row['file']}: {text}")

    compared = 0
    for row, line in zip(rows, lines):
        check_csv(row, line, complain)
        if hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() != row["picture_sha256"]:
            complain(row, "another file than the one recorded")
        if row["compared_to"]:
            compared += 1
            check_pair(folder, row, by_key[row["compared_to"]], complain)
    print("\n".join(problems) or f"{len(rows)} pictures, {compared} of them compared: all numbers are right")
    return 1 if problems or not rows else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
