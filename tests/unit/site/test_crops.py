"""Where the parts of a sample picture lie is what the picture's own drawing says."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from restoration_models.site.crops import SHEETS, Box, Sheet, sheet_of
from restoration_models.tasks import Task
from restoration_models.testpage import picture, sample
from restoration_models.testpage.pages import folio
from restoration_models.testpage.proof import Bytes, _colour, _halved
from restoration_models.testpage.samples import Sample
from support.layers import REPOSITORY


def part(pixels: Bytes, box: Box) -> Bytes:
    return pixels[box.top : box.top + box.height, box.left : box.left + box.width]


def test_the_crops_are_input_output_and_truth() -> None:
    given = sample(Task.DERAINING)
    assert isinstance(given, Sample)
    output = 1 - given.truth
    drawn = picture(given, output)
    sheet = sheet_of(drawn)
    assert sheet is not None and sheet.name == "card"
    pixels = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB"))
    for box, image in zip(sheet.panels, (given.degraded, output, given.truth), strict=True):
        np.testing.assert_array_equal(part(pixels, box), _colour(image))
    framed(pixels, sheet)


def test_the_real_picture_is_laid_out_like_that() -> None:
    content = REPOSITORY.picture("layer-2", "uvdoc").read_bytes()
    sheet = sheet_of(content)
    assert sheet is not None and sheet == SHEETS[1]
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(part(pixels, sheet.panels[2]), _halved(_colour(folio())))
    framed(pixels, sheet)


def framed(pixels: Bytes, sheet: Sheet) -> None:
    """Check that just outside of every part is the line around it, and inside a picture."""
    for box in (*sheet.panels, *sheet.details):
        around = Box(box.left - 1, box.top - 1, box.width + 2, box.height + 2)
        edge = part(pixels, around).copy()
        edge[1:-1, 1:-1] = edge[0, 0]
        assert (edge == edge[0, 0]).all()
        assert part(pixels, box).std() > 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"picture of uvdoc",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 781, 550),
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IDAT", 780, 550),
        b"\xff\xd8\xff" + struct.pack(">I4sII", 13, b"IHDR", 780, 550),
    ],
)
def test_anything_else_is_no_sheet(content: bytes) -> None:
    assert sheet_of(content) is None
