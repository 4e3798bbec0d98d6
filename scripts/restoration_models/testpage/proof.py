"""The picture for people: input, output and truth side by side, with an enlarged detail of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restoration_models.tasks import Task
from restoration_models.testpage.grid import grid_error
from restoration_models.testpage.measure import psnr
from restoration_models.testpage.pages import card
from restoration_models.testpage.plate import Face, Plate
from restoration_models.testpage.png import encoded
from restoration_models.testpage.samples import NotMeasurable, Sample, eight_bits

Bytes = NDArray[np.uint8]
"""(H, W, 3)."""

CAPTIONS = ("ENTRADA / INPUT", "SALIDA / OUTPUT", "REFERENCIA / TRUTH")
NOT_RUN = "SIN EJECUTAR / NOT RUN"
NOT_MEASURED = "SIN MEDIDA / NOT MEASURED"

_GROUND, _LINE, _LETTERS, _EMPTY = 250, 150, 45, 226
_GAP = 12
_CAPTION = 20
_DETAILS = {
    # top, left, height, width in pixels of the page, and how often each pixel is repeated
    "card": (250, 150, 60, 85, 3),
    "folio": (352, 122, 150, 244, 1),
}


def _framed(ground: Bytes, panel: Bytes, x: int, y: int) -> None:
    """Put a panel on the ground with a line around it."""
    height, width = panel.shape[:2]
    ground[y - 1 : y + height + 1, x - 1 : x + width + 1] = _LINE
    ground[y : y + height, x : x + width] = panel


def _lettered(ground: Bytes, plate: Plate) -> Bytes:
    cover = plate.coverage()[:, :, None]
    lettered: Bytes = np.floor(ground * (1.0 - cover) + _LETTERS * cover + 0.5).astype(np.uint8)
    return lettered


def _colour(image: NDArray[np.floating]) -> Bytes:
    # Steps of 3 out of 255 are below what an eye sees and halve the file that git keeps.
    whole = ((eight_bits(image).astype(np.uint16) + 1) // 3 * 3).astype(np.uint8)
    return whole.repeat(3, axis=2) if whole.shape[2] == 1 else whole


def _halved(panel: Bytes) -> Bytes:
    """Return a picture at half size, each pixel the mean of four."""
    height, width = panel.shape[0] // 2, panel.shape[1] // 2
    sums = panel[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).sum(axis=(1, 3), dtype=np.uint16)
    half: Bytes = ((sums + 6) // 12 * 3).astype(np.uint8)
    return half


def _detail(panel: Bytes, task: Task) -> Bytes:
    top, left, height, width, times = _DETAILS["folio" if task is Task.DOCUMENT_UNWARPING else "card"]
    return panel[top : top + height, left : left + width].repeat(times, axis=0).repeat(times, axis=1)


def _empty(panel: Bytes, words: str) -> Bytes:
    height, width = panel.shape[:2]
    plate = Plate(height, width)
    plate.centred(words, width / 2, height / 2, Face(5.2, tracking=1.2))
    return _lettered(np.full_like(panel, _EMPTY), plate)


def _figure(sample: Sample, image: NDArray[np.floating]) -> str:
    if sample.task is Task.DOCUMENT_UNWARPING:
        return f"{grid_error(image).mean:.1f} px"
    return f"{min(psnr(image, sample.truth), 100.0):.2f} dB"


def _composed(columns: list[tuple[str, str, Bytes, Bytes | None]]) -> bytes:
    """Lay out columns of caption, figure, panel and detail, and return them as PNG."""
    high, wide = columns[0][2].shape[:2]
    detail = columns[0][3]
    height = _CAPTION + high + _GAP + (detail.shape[0] + _GAP if detail is not None else 0)
    ground = np.full((height, len(columns) * (wide + _GAP) + _GAP, 3), _GROUND, np.uint8)
    plate = Plate(*ground.shape[:2])
    letters = Face(5.2, pen=1.1, tracking=1.2)
    for place, (caption, figure, panel, zoomed) in enumerate(columns):
        x = _GAP + place * (wide + _GAP)
        _framed(ground, panel, x, _CAPTION)
        plate.text(caption, x, _CAPTION - 6, letters)
        plate.flush_right(figure, x + wide, _CAPTION - 6, letters)
        if zoomed is not None:
            _framed(ground, zoomed, x + (wide - zoomed.shape[1]) // 2, _CAPTION + high + _GAP)
    return encoded(_lettered(ground, plate))


def picture(sample: Sample | NotMeasurable, output: NDArray[np.floating] | None) -> bytes:
    """Return a PNG of input, output and truth side by side, a detail of each below.

    `output` has the shape of the sample's truth, 0..1 (clipped here); None where the model was not run. A
    card is shown pixel by pixel with a detail three times as large, the folio at half size with a detail at
    full size. The figures beside the captions are PSNR, or the mean distance of the folio's marks. For a
    task without a sample the page alone is shown. Raises `ValueError` where the shapes differ.
    """
    if isinstance(sample, NotMeasurable):
        page = _colour(card())
        return _composed([(CAPTIONS[0], "", _empty(page, NOT_MEASURED), None), (CAPTIONS[2], "", page, None)])
    if output is not None and output.shape != sample.truth.shape:
        raise ValueError(f"an output of shape {sample.truth.shape} expected, got {output.shape}")
    columns: list[tuple[str, str, Bytes, Bytes | None]] = []
    for caption, image in zip(CAPTIONS, (sample.degraded, output, sample.truth), strict=True):
        if image is None:
            full = _empty(_colour(sample.truth), "")
            figure = ""
        else:
            full = _colour(image)
            figure = "" if caption == CAPTIONS[2] else _figure(sample, image)
        panel = _halved(full) if sample.task is Task.DOCUMENT_UNWARPING else full
        if image is None:
            panel = _empty(panel, NOT_RUN)
        columns.append((caption, figure, panel, _detail(full, sample.task)))
    return _composed(columns)
