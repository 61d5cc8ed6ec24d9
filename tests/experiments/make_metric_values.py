"""Prints the expected values of image_metrics_test.cpp, computed with scikit-image and numpy.

usage: python make_metric_values.py    (numpy, scikit-image 0.24 or later)
"""

import numpy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def picture(height, width, factor, shift):
    """[H, W, 3] uint8: the formula that the test has, too."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    return (((x * 7 + y * 13 + c * 29) * factor + x * y // 3 + shift) % 256).astype(numpy.uint8)


def ramp(height, width, shift):
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    return ((x * 2 + y + c * 11 + shift) // 2 % 256).astype(numpy.uint8)


def main():
    pairs = {
        "noise": (picture(40, 48, 5, 0), picture(40, 48, 7, 3)),
        "ramps": (ramp(33, 64, 0), ramp(33, 64, 9)),
        "ramp and noise": (ramp(24, 24, 0), picture(24, 24, 3, 1)),
        "smallest": (ramp(11, 11, 0), ramp(11, 11, 40)),
    }
    for name, (a, b) in pairs.items():
        ssim = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5,
                                     use_sample_covariance=False, data_range=255)
        psnr = peak_signal_noise_ratio(a, b, data_range=255)
        mad = numpy.abs(a.astype(float) - b.astype(float)).mean()
        print(f'{{"{name}", {psnr!r}, {ssim!r}, {mad!r}}},'.replace("np.float64(", "").replace(")", ""))


if __name__ == "__main__":
    main()
