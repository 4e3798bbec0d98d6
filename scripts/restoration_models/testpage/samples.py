"""The test page for each task: what is true and what the model receives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from restoration_models.tasks import Task
from restoration_models.testpage import degrade
from restoration_models.testpage.furniture import Picture
from restoration_models.testpage.pages import card, folio
from restoration_models.testpage.warp import photograph_of_folio

Image = NDArray[np.float32]
"""(H, W, C) float32, 0..1, C 3 (RGB) or 1 (grey); each value is a whole number of 1/255."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One task's input and its truth, of the same shape; read-only."""

    task: Task
    truth: Image
    degraded: Image


@dataclass(frozen=True, slots=True)
class NotMeasurable:
    """A task whose input cannot be made from one page."""

    task: Task
    reason: str


DIM = 0.45
"""Share of the light that is left where a photograph is taken at dusk, in rain or in a poorly lit room."""


def _image(picture: Picture) -> Image:
    """Round to 8 bits, as a picture file does, and scale back."""
    whole = np.floor(np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    image = whole.astype(np.float32) / np.float32(255.0)
    image.flags.writeable = False
    return image


def eight_bits(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return a picture 0..1 (clipped) as bytes."""
    clipped = np.clip(np.asarray(image, dtype=np.float64), 0.0, 1.0)
    return np.floor(clipped * 255.0 + 0.5).astype(np.uint8)


def _grey(picture: Picture) -> Picture:
    return (0.299 * picture[:, :, 0] + 0.587 * picture[:, :, 1] + 0.114 * picture[:, :, 2])[:, :, None]


def page(task: Task | None = None) -> Image:
    """Return the flat page as it was printed: the folio for unwarping, else the card. Read-only."""
    return folio() if task is Task.DOCUMENT_UNWARPING else card()


@cache
def sample(task: Task) -> Sample | NotMeasurable:
    """Return the test page degraded for a task, or why there is none.

    The same on every machine: drawn in code, random numbers from a frozen stream, rounded to 8 bits.
    Shapes: (352, 256, 3); (352, 256, 1) for grey; (712, 488, 3) for unwarping.
    """
    if task is Task.DOCUMENT_UNWARPING:
        return Sample(task, folio(), _image(photograph_of_folio()))
    if task is Task.DEFOCUS_DEBLURRING_DUAL_PIXEL:
        return NotMeasurable(
            task,
            "the input is two views through the halves of one lens; one flat page gives no second view",
        )
    page = card().astype(np.float64)
    dim = _image(degrade.exposed(page, DIM)).astype(np.float64)
    if task is Task.DENOISING_REAL:
        return Sample(task, _image(dim), _image(degrade.camera_noise(dim, seed=101)))
    if task is Task.DENOISING_GAUSSIAN_COLOR:
        return Sample(task, card(), _image(degrade.gaussian_noise(page, 25 / 255, seed=102)))
    if task is Task.DENOISING_GAUSSIAN_GRAY:
        grey = _image(_grey(page))
        return Sample(task, grey, _image(degrade.gaussian_noise(grey.astype(np.float64), 25 / 255, seed=103)))
    if task is Task.DERAINING:
        return Sample(task, _image(dim), _image(degrade.rain(dim, seed=104)))
    if task is Task.MOTION_DEBLURRING:
        return Sample(task, card(), _image(degrade.motion_blur(page, length=6.8, angle=24.0, bend=1.0)))
    if task is Task.DEBLURRING_JPEG:
        blurred = degrade.motion_blur(page, length=5.5, angle=-18.0, bend=0.8)
        return Sample(task, card(), _image(degrade.jpeg(blurred, quality=25)))
    if task is Task.DEFOCUS_DEBLURRING:
        return Sample(task, card(), _image(degrade.defocus(page, radius=2.0)))
    raise ValueError(f"no degradation for the task {task}")
