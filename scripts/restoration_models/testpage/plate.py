"""Printing plates: where one ink lies on the page, drawn at six times the page's resolution.

Only additions, multiplications and comparisons decide whether a point is inked, so every
machine inks the same points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from restoration_models.testpage.glyphs import Segments, glyph, segments

SUBPIXELS = 6
"""Points a side that are tested in each pixel."""


@dataclass(frozen=True, slots=True)
class Face:
    """How text is set: x-height in pixels, the pen's half width and half height, slant, letter spacing."""

    size: float
    pen: float = 1.05
    thin: float = 0.52
    slant: float = 0.0
    tracking: float = 0.0

    @property
    def scale(self) -> float:
        """Pixels of one alphabet unit."""
        return self.size / 10.0

    def width(self, text: str) -> float:
        """Return how wide the text is set, in pixels."""
        return sum((glyph(c)[0] + self.tracking) * self.scale for c in text)


def _ink(mask: NDArray[np.bool_], lines: Segments, rx: float, ry: float) -> None:
    """Ink all points that an elliptical nib covers on its way along the lines (sub-pixel units)."""
    height, width = mask.shape
    for x0, y0, x1, y1 in lines.tolist():
        left, right = max(0, math.floor(min(x0, x1) - rx)), min(width, math.ceil(max(x0, x1) + rx) + 1)
        top, bottom = max(0, math.floor(min(y0, y1) - ry)), min(height, math.ceil(max(y0, y1) + ry) + 1)
        if left >= right or top >= bottom:
            continue
        # In units of the nib the nib is a circle of radius 1.
        x = ((np.arange(left, right) + 0.5) - x0) / rx
        y = (((np.arange(top, bottom) + 0.5) - y0) / ry)[:, None]
        dx, dy = (x1 - x0) / rx, (y1 - y0) / ry
        length = dx * dx + dy * dy
        t = np.clip((x * dx + y * dy) / length, 0.0, 1.0) if length > 0 else np.zeros((1, 1))
        ex, ey = x - t * dx, y - t * dy
        mask[top:bottom, left:right] |= ex * ex + ey * ey <= 1.0


@cache
def _stamp(character: str, face: Face) -> tuple[NDArray[np.bool_], int, int]:
    """Return a glyph's inked points and the place of its origin in them."""
    _, lines = glyph(character)
    unit = face.scale * SUBPIXELS
    rx, ry = face.pen * unit, face.thin * unit
    placed = np.empty_like(lines)
    placed[:, 0::2] = (lines[:, 0::2] + face.slant * lines[:, 1::2]) * unit
    placed[:, 1::2] = -lines[:, 1::2] * unit
    if not len(placed):
        return np.zeros((0, 0), np.bool_), 0, 0
    left = math.floor(placed[:, 0::2].min() - rx) - 1
    top = math.floor(placed[:, 1::2].min() - ry) - 1
    wide = math.ceil(placed[:, 0::2].max() + rx) + 1 - left
    high = math.ceil(placed[:, 1::2].max() + ry) + 1 - top
    mask = np.zeros((high, wide), np.bool_)
    _ink(mask, placed - np.array([left, top, left, top]), rx, ry)
    mask.flags.writeable = False
    return mask, left, top


class Plate:
    """The coverage of one ink. Coordinates are pixels, x to the right and y downwards."""

    def __init__(self, height: int, width: int) -> None:
        self.mask = np.zeros((height * SUBPIXELS, width * SUBPIXELS), np.bool_)

    def coverage(self) -> NDArray[np.float64]:
        """Return the inked share of every pixel, (H, W), 0..1."""
        height, width = (n // SUBPIXELS for n in self.mask.shape)
        rows = (
            self.mask.view(np.uint8).reshape(height, SUBPIXELS, width * SUBPIXELS).sum(axis=1, dtype=np.uint8)
        )
        counts: NDArray[np.uint8] = sum(
            (rows[:, k::SUBPIXELS] for k in range(SUBPIXELS)), np.zeros((), np.uint8)
        )
        return counts / float(SUBPIXELS * SUBPIXELS)

    def lines(self, lines: Segments, pen: float, thin: float | None = None) -> None:
        """Draw line pieces with a nib of the given half width and half height in pixels."""
        nib = pen if thin is None else thin
        _ink(self.mask, lines * SUBPIXELS, pen * SUBPIXELS, nib * SUBPIXELS)

    def rule(self, x0: float, y0: float, x1: float, y1: float, weight: float) -> None:
        """Draw a straight rule of the given weight in pixels."""
        self.lines(np.array([[x0, y0, x1, y1]]), weight / 2)

    def path(
        self, path: str, x: float, y: float, scale: float, pen: float, thin: float | None = None
    ) -> None:
        """Draw a path of the alphabet's language with its origin at (x, y)."""
        points = segments(path) * np.array([scale, -scale, scale, -scale])
        self.lines(points + np.array([x, y, x, y]), pen, thin)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fill a rectangle."""
        x0, y0, x1, y1 = (round(v * SUBPIXELS) for v in (x0, y0, x1, y1))
        self.mask[int(y0) : int(y1), int(x0) : int(x1)] = True

    def disc(self, x: float, y: float, radius: float) -> None:
        """Fill a circle."""
        self.lines(np.array([[x, y, x, y]]), radius)

    def ring(self, x: float, y: float, radius: float, weight: float) -> None:
        """Draw a circle's line."""
        r = radius
        quarters = f"0,{r} h {r},0 v 0,{-r} h {-r},0 v 0,{r}"
        self.path(quarters, x, y, 1.0, weight / 2)

    def polygon(self, points: Iterable[tuple[float, float]]) -> None:
        """Fill a polygon (even-odd)."""
        corners = [(x * SUBPIXELS, y * SUBPIXELS) for x, y in points]
        height, width = self.mask.shape
        y = (np.arange(height) + 0.5)[:, None]
        x = (np.arange(width) + 0.5)[None, :]
        inside = np.zeros(self.mask.shape, np.bool_)
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if y0 == y1:
                continue
            crosses = (y >= min(y0, y1)) & (y < max(y0, y1))
            inside ^= crosses & (x >= x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
        self.mask |= inside

    def text(self, text: str, x: float, y: float, face: Face, *, space: float = 0.0) -> float:
        """Set text with its baseline's start at (x, y); `space` widens each blank. Return the end's x."""
        for character in text:
            mask, left, top = _stamp(character, face)
            column, row = round(x * SUBPIXELS) + left, round(y * SUBPIXELS) + top
            high, wide = mask.shape
            if high and row >= 0 and column >= 0:
                self.mask[row : row + high, column : column + wide] |= mask[
                    : self.mask.shape[0] - row, : self.mask.shape[1] - column
                ]
            x += (glyph(character)[0] + face.tracking) * face.scale + (space if character == " " else 0.0)
        return x

    def centred(self, text: str, x: float, y: float, face: Face) -> None:
        """Set text around x."""
        self.text(text, x - (face.width(text) - face.tracking * face.scale) / 2, y, face)

    def flush_right(self, text: str, x: float, y: float, face: Face) -> None:
        """Set text that ends at x."""
        self.text(text, x - face.width(text) + face.tracking * face.scale, y, face)

    def paragraph(
        self, text: str, x: float, y: float, width: float, leading: float, face: Face, lines: int,
        *, justified: bool = True,
    ) -> float:  # fmt: skip
        """Set text in at most `lines` lines, first baseline at y. Return the next baseline.

        Raises `ValueError` where the text needs more lines: the page is made by hand, nothing is cut.
        """
        rows: list[list[str]] = [[]]
        for word in text.split():
            if rows[-1] and face.width(" ".join([*rows[-1], word])) > width:
                rows.append([])
            rows[-1].append(word)
        if len(rows) > lines:
            raise ValueError(f"{len(rows)} lines where {lines} fit: {text[:40]}")
        for row in rows:
            line = " ".join(row)
            gaps = len(row) - 1
            stretch = (width - face.width(line)) / gaps if justified and gaps and row is not rows[-1] else 0.0
            self.text(line, x, y, face, space=stretch)
            y += leading
        return y

    def around(self, text: str, x: float, y: float, radius: float, start: float, face: Face) -> float:
        """Set text clockwise around a circle from an angle (radians, 0 = top). Return the end's angle."""
        angle = start
        unit = face.scale
        for character in text:
            width, lines = glyph(character)
            half = (width + face.tracking) * unit / radius / 2
            angle += half
            c, s = math.cos(angle), math.sin(angle)
            placed = np.empty_like(lines)
            for i in (0, 2):
                u = (lines[:, i] - width / 2) * unit
                v = -lines[:, i + 1] * unit - radius
                placed[:, i] = x + u * c - v * s
                placed[:, i + 1] = y + u * s + v * c
            self.lines(placed, face.pen * unit, face.pen * unit * 0.75)
            angle += half
        return angle
