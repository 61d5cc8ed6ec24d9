#!/usr/bin/env python3
"""Makes tests/goldens/dataset_images.safetensors: what Pillow and OpenCV make of small images, alone and in the
recipes of the reference's datasets (ldm/data/lsun.py; ldm/data/imagenet.py with taming's ImagePaths and
albumentations 0.4.3). Run by hand: make_resize_values.py OUTPUT, with Pillow 13, opencv-python-headless 4, numpy and
safetensors from PyPI."""
import sys

import cv2
import numpy as np
from PIL import Image
from safetensors.numpy import save_file

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# (height, width) of the image and of the target: smaller, larger, mixed, one side kept, much flatter
PILLOW_CASES = [((29, 41), (13, 17)), ((29, 41), (50, 64)), ((33, 20), (12, 31)), ((24, 24), (24, 9)), ((64, 20), (9, 19))]
# (height, width) of the image and `size`: odd margins both ways, square, one that has the size already
LSUN_CASES = [((30, 43), 16), ((45, 28), 32), ((20, 20), 11), ((17, 16), 16)]
IMAGENET_CASES = [((30, 43), 16), ((45, 28), 32), ((20, 31), 24), ((16, 25), 16), ((32, 49), 16)]


def picture(random, height, width):
    """Smooth colours with noise on them and hard edges, so that rounding and clipping show."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = 127 + 120 * np.sin(np.stack([x / 5 + y / 9, y / 4 - x / 11, (x + y) / 3], -1))
    noisy = smooth + random.normal(0, 12, smooth.shape)
    noisy[height // 3 : height // 2, width // 4 : width // 2] = (255, 0, 255)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def in_model_range(image):
    return (image / 127.5 - 1.0).astype(np.float32)


def lsun(image, size, interpolation):
    crop = min(image.shape[0], image.shape[1])
    top, left = (image.shape[0] - crop) // 2, (image.shape[1] - crop) // 2
    square = Image.fromarray(image[top : (image.shape[0] + crop) // 2, left : (image.shape[1] + crop) // 2])
    return square.resize((size, size), resample=FILTERS[interpolation])


def nearest_even(number):
    return int(2.0 * round(number / 2.0)) if abs(round(number) - number) == 0.5 else int(round(number))


def smallest_max_size(image, size):
    scale = size / float(min(image.shape[:2]))
    height, width = (nearest_even(side * scale) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    return cv2.resize(image, dsize=(width, height), interpolation=cv2.INTER_LINEAR)


def center_crop(image, size):
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def main():
    random = np.random.default_rng(11)
    values = {}
    for i, (source, target) in enumerate(PILLOW_CASES):
        image = picture(random, *source)
        values[f"pillow.{i}.in"] = image
        for name, resample in FILTERS.items():
            values[f"pillow.{i}.{name}"] = np.array(Image.fromarray(image).resize(target[::-1], resample=resample))
    for i, (source, size) in enumerate(LSUN_CASES):
        image = picture(random, *source)
        resized = lsun(image, size, "bicubic")
        values[f"lsun.{i}.in"] = image
        values[f"lsun.{i}.out"] = in_model_range(np.array(resized))
        flipped = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        values[f"lsun.{i}.flipped"] = in_model_range(np.array(flipped))
        values[f"lsun.{i}.bilinear"] = in_model_range(np.array(lsun(image, size, "bilinear")))
    for i, (source, size) in enumerate(IMAGENET_CASES):
        image = picture(random, *source)
        resized = smallest_max_size(image, size)
        values[f"imagenet.{i}.in"] = image
        values[f"imagenet.{i}.resized"] = resized
        values[f"imagenet.{i}.out"] = in_model_range(center_crop(resized, size))
    save_file({name: np.ascontiguousarray(value) for name, value in values.items()}, sys.argv[1])


main()
