"""What JPEG compression loses, in whole numbers alone.

A JPEG library's transform and its colour upsampling differ between versions and builds, and a coefficient
on the border between two steps then changes a whole block. So the lossy part of baseline JPEG (colour
transform, halved chroma, 8 x 8 cosine transform, quantisation) is done here in integers; the entropy
coding, which loses nothing, is left out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]

# The example tables of the JPEG standard (ITU-T T.81, annex K), which most encoders scale by their quality.
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *([99] * 32),
)  # fmt: skip
_BITS = 13
"""Fixed-point digits of the cosines and of the colour transform."""


def _fixed(value: float) -> int:
    return math.floor(value * (1 << _BITS) + 0.5)


def _cosines() -> Whole:
    rows = [
        [_fixed((0.125**0.5 if k == 0 else 0.5) * math.cos((2 * n + 1) * k * math.pi / 16)) for n in range(8)]
        for k in range(8)
    ]
    return np.array(rows, dtype=np.int64)


def _rounded(values: Whole, bits: int) -> Whole:
    return (values + (1 << (bits - 1))) >> bits


def _scaled(table: tuple[int, ...], quality: int) -> Whole:
    """Return the quantisation steps for a quality of 1..100, by the usual rule."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((np.array(table, dtype=np.int64) * percent + 50) // 100, 1, 255).reshape(8, 8)


def _quantised(plane: Whole, steps: Whole) -> Whole:
    """Return a plane (sides multiples of 8, 0..255) after transform, quantisation and the way back."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3) - 128
    cosines = _cosines()
    across = blocks @ cosines.T
    coefficients = _rounded((cosines @ across), 2 * _BITS - 3)  # eighths
    unit = steps * 8
    levels = np.sign(coefficients) * ((np.abs(coefficients) + unit // 2) // unit)
    back = _rounded(cosines.T @ (levels * steps) @ cosines, 2 * _BITS) + 128
    return np.clip(back, 0, 255).transpose(0, 2, 1, 3).reshape(height, width)


def _padded(plane: Whole, multiple: int) -> Whole:
    height, width = plane.shape
    return np.pad(plane, ((0, -height % multiple), (0, -width % multiple)), mode="edge")


def compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return an RGB picture (H, W, 3) as it looks after JPEG compression at a quality of 1..100, 4:2:0."""
    height, width = picture.shape[:2]
    red, green, blue = (_padded(picture[:, :, k].astype(np.int64), 16) for k in range(3))
    luma = _rounded(_fixed(0.299) * red + _fixed(0.587) * green + _fixed(0.114) * blue, _BITS)
    half = 128 << _BITS
    cb = _rounded(_fixed(0.5) * blue - _fixed(0.168736) * red - _fixed(0.331264) * green + half, _BITS)
    cr = _rounded(_fixed(0.5) * red - _fixed(0.418688) * green - _fixed(0.081312) * blue + half, _BITS)
    luma = _quantised(np.clip(luma, 0, 255), _scaled(_LUMINANCE, quality))
    chroma = []
    for plane in (cb, cr):
        quarters = plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).sum(axis=(1, 3))
        small = np.clip(_rounded(quarters, 2), 0, 255)
        small = _quantised(small, _scaled(_CHROMINANCE, quality))
        chroma.append(small.repeat(2, axis=0).repeat(2, axis=1) - 128)
    cb, cr = chroma
    channels = (
        luma + _rounded(_fixed(1.402) * cr, _BITS),
        luma - _rounded(_fixed(0.344136) * cb + _fixed(0.714136) * cr, _BITS),
        luma + _rounded(_fixed(1.772) * cb, _BITS),
    )
    return np.clip(np.stack(channels, axis=-1), 0, 255)[:height, :width].astype(np.uint8)
