"""JPEG's losses, against a real encoder."""

import io

import numpy as np
import pytest
from PIL import Image

from restoration_models.testpage import eight_bits, page, psnr
from restoration_models.testpage.jpeg import compressed


def encoder(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(io.BytesIO(file.getvalue())) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("quality", [10, 25, 50, 90])
def test_it_loses_what_a_real_encoder_loses(quality: int) -> None:
    card = eight_bits(page())
    ours, theirs = compressed(card, quality), encoder(card, quality)
    lost = psnr(ours / 255, card / 255)
    assert lost == pytest.approx(psnr(theirs / 255, card / 255), abs=0.8)
    assert psnr(ours / 255, theirs / 255) > lost + 3.0


def test_a_plain_block_comes_back_as_it_was() -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    assert np.array_equal(compressed(flat, 25), flat)


def test_sides_need_not_be_multiples_of_a_block() -> None:
    odd = eight_bits(page())[:37, :21]
    assert compressed(odd, 60).shape == (37, 21, 3)


def test_a_better_quality_loses_less() -> None:
    card = eight_bits(page())
    assert psnr(compressed(card, 90) / 255, card / 255) > psnr(compressed(card, 30) / 255, card / 255) + 5
