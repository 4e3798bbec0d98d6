"""What happens to a page: noise, rain, motion, defocus, compression.

Each function takes a picture (H, W, C), 0..1, and returns a new one in float64, not yet rounded to 8 bits.
Random numbers come from numpy's legacy stream, which is frozen for all versions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from restoration_models.testpage.jpeg import compressed

Picture = NDArray[np.float64]


def exposed(picture: Picture, share: float) -> Picture:
    """Return the picture with `share` of its linear light (display gamma 2.2)."""
    gain: Picture = picture * share ** (1 / 2.2)
    return gain


def _filtered(picture: Picture, kernel: NDArray[np.float64]) -> Picture:
    """Convolve with a small odd-sided kernel, borders repeated."""
    high, wide = kernel.shape
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((high // 2, high // 2), (wide // 2, wide // 2), (0, 0)), mode="edge")
    total = np.zeros_like(picture)
    for row in range(high):
        for column in range(wide):
            if kernel[row, column] > 0.0:
                total += kernel[row, column] * padded[row : row + height, column : column + width]
    return total


def gaussian_noise(picture: Picture, sigma: float, seed: int) -> Picture:
    """Add white Gaussian noise of the given standard deviation."""
    return picture + sigma * np.random.RandomState(seed).standard_normal(picture.shape)


def camera_noise(picture: Picture, seed: int, *, shot: float = 0.006, read: float = 0.011) -> Picture:
    """Add the noise of a small sensor in poor light to an RGB picture.

    The variance in linear light is shot times signal plus read squared; red and blue, amplified by the white
    balance, are noisier than green; demosaicing spreads each grain over its neighbours, and the camera's
    colour matrix ties the channels together.
    """
    linear = np.maximum(picture, 0.0) ** 2.2
    deviation = np.sqrt(shot * linear + read * read) * np.array([1.25, 0.85, 1.5])
    grain = np.random.RandomState(seed).standard_normal(picture.shape)
    grain = _filtered(grain, np.array([[0.06, 0.16, 0.06], [0.16, 0.80, 0.16], [0.06, 0.16, 0.06]]))
    noise = deviation * grain
    mixed = np.empty_like(noise)
    matrix = ((1.24, -0.20, -0.04), (-0.16, 1.28, -0.12), (-0.02, -0.30, 1.32))
    for k, (r, g, b) in enumerate(matrix):
        mixed[:, :, k] = r * noise[:, :, 0] + g * noise[:, :, 1] + b * noise[:, :, 2]
    noisy: Picture = np.maximum(linear + mixed, 0.0) ** (1 / 2.2)
    return noisy


def rain(picture: Picture, seed: int, *, drops: int = 520, slope: float = -0.30) -> Picture:
    """Lay bright streaks over the picture: near drops long and wide, far ones short and thin."""
    height, width = picture.shape[:2]
    stream = np.random.RandomState(seed)
    light = np.zeros((height, width))
    for x, y, size, glow, lean in stream.random_sample((drops, 5)).tolist():
        length = 9.0 + 26.0 * size * size
        half = 0.55 + 0.75 * size * size
        tilt = slope + 0.06 * (lean - 0.5)
        strength = 0.16 + 0.30 * glow
        top = y * (height + 40.0) - 40.0
        left = x * (width + 0.4 * height) - 0.1 * height
        for row in range(max(0, math.floor(top)), min(height, math.ceil(top + length) + 1)):
            along = (row + 0.5 - top) / length
            if not 0.0 < along < 1.0:
                continue
            middle = left + tilt * (row + 0.5 - top)
            first, last = max(0, math.floor(middle - half) - 1), min(width, math.ceil(middle + half) + 2)
            if first >= last:
                continue
            away = np.abs(np.arange(first, last) + 0.5 - middle)
            profile = np.clip(half + 0.5 - away, 0.0, 1.0)
            light[row, first:last] += strength * min(1.0, 4.0 * along * (1.0 - along) + 0.2) * profile
    veil = 1.0 - np.clip(light, 0.0, 0.72)[:, :, None]
    # Drops brighten what lies behind them towards the sky's colour.
    return picture * veil + np.array([0.90, 0.92, 0.95]) * (1.0 - veil)


def motion_kernel(length: float, angle: float, bend: float) -> NDArray[np.float64]:
    """Return the track of a moving camera: `length` pixels at `angle` degrees, `bend` pixels aside."""
    radius = math.ceil(length / 2 + abs(bend)) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    steps = 401
    for k in range(steps):
        t = 2.0 * k / (steps - 1) - 1.0
        u, v = t * length / 2, bend * (t * t - 1.0 / 3.0)
        x, y = radius + u * c - v * s, radius - u * s - v * c
        column, row = math.floor(x), math.floor(y)
        fx, fy = x - column, y - row
        for dy, wy in ((0, 1.0 - fy), (1, fy)):
            for dx, wx in ((0, 1.0 - fx), (1, fx)):
                kernel[row + dy, column + dx] += wy * wx
    track: NDArray[np.float64] = kernel / kernel.sum()
    return track


def disc_kernel(radius: float) -> NDArray[np.float64]:
    """Return the image of a point through an open round aperture, out of focus by `radius` pixels."""
    reach, fine = math.ceil(radius + 0.5), 16
    side = (2 * reach + 1) * fine
    place = (np.arange(side) + 0.5) / fine - (reach + 0.5)
    inside = place[:, None] * place[:, None] + place[None, :] * place[None, :] <= radius * radius
    kernel = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).sum(axis=(1, 3)).astype(np.float64)
    disc: NDArray[np.float64] = kernel / kernel.sum()
    return disc


def motion_blur(picture: Picture, *, length: float, angle: float, bend: float) -> Picture:
    """Blur along the track of `motion_kernel`."""
    return _filtered(picture, motion_kernel(length, angle, bend))


def defocus(picture: Picture, radius: float) -> Picture:
    """Blur with a disc in linear light, as a lens does."""
    return _filtered(np.maximum(picture, 0.0) ** 2.2, disc_kernel(radius)) ** (1 / 2.2)


def jpeg(picture: Picture, quality: int) -> Picture:
    """Round to 8 bits and compress."""
    whole = np.floor(np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return compressed(whole, quality).astype(np.float64) / 255.0
