"""How close two pictures are: PSNR and SSIM, in numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"pictures of one shape expected, got {first.shape} and {second.shape}")
    return first, second


def psnr(a: ArrayLike, b: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures on the scale 0..1.

    The mean square error is taken over all pixels and channels together, the peak is 1;
    equal pictures give infinity. Raises `ValueError` where the shapes differ.
    """
    first, second = _pair(a, b)
    error = float(np.mean((first - second) ** 2))
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


def _window() -> NDArray[np.float64]:
    away = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    weights = np.exp(-(away * away) / (2.0 * _SIGMA * _SIGMA))
    window: NDArray[np.float64] = weights / weights.sum()
    return window


def _smooth(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter (H, W, C) with the window in both directions, keeping only whole windows."""
    window = _window()
    height, width = picture.shape[0] - _WINDOW + 1, picture.shape[1] - _WINDOW + 1
    down = sum((w * picture[k : k + height] for k, w in enumerate(window)), np.zeros(()))
    across: NDArray[np.float64] = sum(
        (w * down[:, k : k + width] for k, w in enumerate(window)), np.zeros(())
    )
    return across


def ssim(a: ArrayLike, b: ArrayLike) -> float:
    """Return the mean structural similarity of two pictures, (H, W, C) or (H, W), on the scale 0..1.

    As in Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13 (4), 2004: a Gaussian
    window of 11 x 11 with a standard deviation of 1.5, K1 = 0.01, K2 = 0.03, range 1, weighted moments
    without the sample correction, only windows that lie wholly inside. Each channel counts alone, the mean
    is over all windows and channels. Nothing is downscaled first. Raises `ValueError` where the shapes
    differ or a side is shorter than the window.
    """
    first, second = _pair(a, b)
    if first.ndim == 2:
        first, second = first[:, :, None], second[:, :, None]
    if first.ndim != 3 or min(first.shape[:2]) < _WINDOW:
        raise ValueError(f"pictures (H, W, C) of at least {_WINDOW} x {_WINDOW} expected, got {first.shape}")
    mean_a, mean_b = _smooth(first), _smooth(second)
    variance_a = _smooth(first * first) - mean_a * mean_a
    variance_b = _smooth(second * second) - mean_b * mean_b
    covariance = _smooth(first * second) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    scores = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2)
    )
    return float(scores.mean())
