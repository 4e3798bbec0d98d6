"""PSNR and SSIM against values known by calculation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_models.testpage import page, psnr, ssim


@given(st.floats(0.001, 0.5), st.floats(0.0, 0.5))
def test_psnr_of_a_constant_difference(difference: float, level: float) -> None:
    a = np.full((4, 5, 3), level)
    assert psnr(a, a + difference) == pytest.approx(-20 * math.log10(difference))


def test_psnr_counts_the_share_of_wrong_values() -> None:
    a, b = np.zeros((10, 10, 1)), np.zeros((10, 10, 1))
    b[0, 0] = 1.0
    assert psnr(a, b) == pytest.approx(20.0)


def test_equal_pictures() -> None:
    assert psnr(page(), page()) == math.inf
    assert ssim(page(), page()) == pytest.approx(1.0, abs=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_ssim_of_two_plain_pictures_is_its_luminance_term(a: float, b: float) -> None:
    expected = (2 * a * b + 0.01**2) / (a * a + b * b + 0.01**2)
    assert ssim(np.full((12, 13, 3), a), np.full((12, 13, 3), b)) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_a_picture_and_its_negative_contrast() -> None:
    # b mirrors a around its weighted mean: means and variances agree, the covariance is -variance.
    window = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    window /= window.sum()
    a = np.random.RandomState(3).random_sample((11, 11))
    mean = window @ a @ window
    variance = window @ (a - mean) ** 2 @ window
    expected = (0.03**2 - 2 * variance) / (0.03**2 + 2 * variance)
    assert ssim(a, 2 * mean - a) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_both_are_symmetric_and_bounded(seed: int) -> None:
    stream = np.random.RandomState(seed)
    a, b = stream.random_sample((2, 16, 14, 3))
    assert psnr(a, b) == psnr(b, a)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    assert -1.0 <= ssim(a, b) <= 1.0


def test_more_noise_is_worse() -> None:
    noise = np.random.RandomState(5).standard_normal(page().shape)
    scores = [(psnr(page() + s * noise, page()), ssim(page() + s * noise, page())) for s in (0.01, 0.05, 0.2)]
    assert scores == sorted(scores, reverse=True)


def test_a_channel_axis_of_one_is_the_plain_picture() -> None:
    a, b = np.random.RandomState(6).random_sample((2, 20, 20))
    assert ssim(a, b) == ssim(a[:, :, None], b[:, :, None])


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_different_shapes_are_refused(measure) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="one shape"):
        measure(np.zeros((12, 12, 3)), np.zeros((12, 12, 1)))


def test_a_picture_smaller_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 11"):
        ssim(np.zeros((10, 40, 3)), np.zeros((10, 40, 3)))
