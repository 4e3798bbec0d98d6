"""The test page: a document drawn in code, what may happen to it, and how well it was restored.

Nothing is read from disk and no system font is used, so every machine has the same page. Needs numpy.
"""

from __future__ import annotations

from restoration_models.testpage.grid import GridError, find_marks, grid_error, mark_places
from restoration_models.testpage.measure import psnr, ssim
from restoration_models.testpage.proof import picture
from restoration_models.testpage.samples import NotMeasurable, Sample, eight_bits, page, sample

__all__ = [
    "GridError",
    "NotMeasurable",
    "Sample",
    "eight_bits",
    "find_marks",
    "grid_error",
    "mark_places",
    "page",
    "picture",
    "psnr",
    "sample",
    "ssim",
]
