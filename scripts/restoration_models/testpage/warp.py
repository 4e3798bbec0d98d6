"""A curled sheet on a desk, photographed from the side: the folio as an unwarping model receives it.

Places are continuous pixels, x then y: the middle of the first pixel is (0.5, 0.5), the sheet spans
0..488 and 0..712 both on the flat page and in the picture's frame.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from restoration_models.testpage.furniture import Picture, mottle
from restoration_models.testpage.pages import FOLIO, folio

Places = NDArray[np.float64]
"""(..., 2): x, y."""

_HEIGHT, _WIDTH = FOLIO
_MARGIN = 24.0
"""Pixels of desk left free around the sheet at its widest."""
_DISTANCE = 1150.0
"""From the camera to the sheet's middle, in pixels of the flat page."""
_TILT, _PAN, _ROLL = 19.0, -9.0, 3.2
"""Degrees: the camera leans back, stands to one side, and is not held straight."""
_CURL = 66.0
_TWIST = 20.0
_CORNER = 46.0


def _height(a: Places, b: Places) -> tuple[Places, Places, Places]:
    """Return how high the sheet stands above the desk at -1..1, and the slopes along both axes.

    Beyond its edges the sheet goes on along its tangents, so that the map has an inverse everywhere.
    """
    beyond_a, beyond_b = a, b
    a, b = np.clip(a, -1.0, 1.0), np.clip(b, -1.0, 1.0)
    lift_a, lift_b = (1.0 + a) / 2.0, (1.0 - b) / 2.0
    cube_a, cube_b = lift_a * lift_a * lift_a, lift_b * lift_b * lift_b
    z = _CURL * (a * a * a - 0.55 * a) + _TWIST * a * b + _CORNER * cube_a * cube_b
    along_a = _CURL * (3.0 * a * a - 0.55) + _TWIST * b + 1.5 * _CORNER * lift_a * lift_a * cube_b
    along_b = _TWIST * a - 1.5 * _CORNER * cube_a * lift_b * lift_b
    return z + along_a * (beyond_a - a) + along_b * (beyond_b - b), along_a, along_b


def _taken(a: Places) -> Places:
    """Return how much narrower the curl makes the sheet, from its middle to -1..1: paper does not stretch."""
    inside = np.clip(a, -1.0, 1.0)
    square = inside * inside
    taken = inside * (0.3025 + square * (1.8 * square - 1.1))
    slope = 0.3025 + square * (9.0 * square - 3.3)
    narrower: Places = _CURL * _CURL * (taken + slope * (a - inside)) / _WIDTH
    return narrower


def _seen(places: Places) -> Places:
    """Return where the camera sees places of the flat page, before the frame is chosen."""
    a = places[..., 0] / _WIDTH * 2.0 - 1.0
    b = places[..., 1] / _HEIGHT * 2.0 - 1.0
    z, _, _ = _height(a, b)
    half = _WIDTH / 2.0
    x, y = half * a - _taken(a), _HEIGHT / 2.0 * b
    turns = [(math.cos(math.radians(d)), math.sin(math.radians(d))) for d in (_ROLL, _PAN, _TILT)]
    (c, s) = turns[0]
    x, y = x * c - y * s, x * s + y * c
    (c, s) = turns[1]
    x, z = x * c + z * s, z * c - x * s
    (c, s) = turns[2]
    y, z = y * c + z * s, z * c - y * s
    scale = _DISTANCE / (_DISTANCE - z)
    return np.stack([x * scale, y * scale], axis=-1)


@cache
def _frame() -> tuple[float, float, float]:
    """Return scale and shift that put the whole sheet into the frame with the margin free."""
    t = np.linspace(0.0, 1.0, 201)
    sides = [np.stack([t * 0 + e, t], -1) for e in (0.0, 1.0)] + [
        np.stack([t, t * 0 + e], -1) for e in (0.0, 1.0)
    ]
    edge = _seen(np.concatenate(sides) * np.array([_WIDTH, _HEIGHT]))
    low, high = edge.min(axis=0), edge.max(axis=0)
    room = np.array([_WIDTH, _HEIGHT]) - 2.0 * _MARGIN
    scale = float((room / (high - low)).min())
    middle = (low + high) / 2.0
    return scale, float(_WIDTH / 2.0 - scale * middle[0]), float(_HEIGHT / 2.0 - scale * middle[1])


def photographed(places: Places) -> Places:
    """Return where places of the flat page lie in the photograph, (..., 2) to (..., 2), pixels."""
    scale, dx, dy = _frame()
    seen: Places = _seen(places) * scale + np.array([dx, dy])
    return seen


def flat(places: Places) -> Places:
    """Return which place of the flat page is seen at a place of the photograph.

    The inverse of `photographed`. Beyond the sheet the answer is an extension, outside of 0..488 x 0..712.
    """
    size = np.array([_WIDTH, _HEIGHT])
    found = (places - size / 2.0) * 1.15 + size / 2.0
    step = 0.25
    for _ in range(12):
        here = photographed(found)
        right = (photographed(found + np.array([step, 0.0])) - here) / step
        down = (photographed(found + np.array([0.0, step])) - here) / step
        miss = places - here
        det = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
        move_x = (miss[..., 0] * down[..., 1] - miss[..., 1] * down[..., 0]) / det
        move_y = (miss[..., 1] * right[..., 0] - miss[..., 0] * right[..., 1]) / det
        found = np.clip(found + np.stack([move_x, move_y], axis=-1), -0.5 * size, 1.5 * size)
    return found


def sampled(picture: NDArray[np.floating], places: Places) -> Picture:
    """Return a picture's values at places (..., 2), bilinear, borders repeated: (..., C)."""
    height, width = picture.shape[:2]
    x = np.clip(places[..., 0] - 0.5, 0.0, width - 1.0)
    y = np.clip(places[..., 1] - 0.5, 0.0, height - 1.0)
    column = np.minimum(np.floor(x).astype(np.int64), width - 2)
    row = np.minimum(np.floor(y).astype(np.int64), height - 2)
    fx, fy = (x - column)[..., None], (y - row)[..., None]
    source = picture.astype(np.float64)
    upper = source[row, column] * (1.0 - fx) + source[row, column + 1] * fx
    lower = source[row + 1, column] * (1.0 - fx) + source[row + 1, column + 1] * fx
    values: Picture = upper * (1.0 - fy) + lower * fy
    return values


def pixel_centres(height: int, width: int, step: float = 1.0) -> Places:
    """Return the middles of cells of `step` pixels over a frame, (rows, columns, 2)."""
    y = (np.arange(round(height / step)) + 0.5) * step
    x = (np.arange(round(width / step)) + 0.5) * step
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)


def _softened(plane: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return a plane after three running means over 2 * reach + 1 pixels in each direction."""
    for _ in range(3):
        for axis in (0, 1):
            wide = np.pad(plane, [(reach + 1, reach) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
            sums = np.cumsum(wide, axis=axis)
            length = plane.shape[axis]
            ahead = np.take(sums, np.arange(2 * reach + 1, 2 * reach + 1 + length), axis=axis)
            plane = (ahead - np.take(sums, np.arange(length), axis=axis)) / (2 * reach + 1)
    return plane


def _desk() -> Picture:
    """Return a dark wooden desk, its grain along x."""
    vein = mottle(_HEIGHT, _WIDTH, 90, 42)
    rows = np.clip(np.arange(_HEIGHT)[:, None] + np.floor(9.0 * vein + 0.5).astype(np.int64), 0, _HEIGHT - 1)
    fibres = mottle(_HEIGHT, 1, 3, 41)[rows, 0]
    tone = 1.0 + 0.16 * fibres + 0.14 * vein
    desk: Picture = tone[:, :, None] * np.array([0.285, 0.205, 0.150])
    return desk


def photograph_of_folio() -> Picture:
    """Return the photograph of the curled folio, (712, 488, 3), 0..1."""
    fine = 2
    centres = pixel_centres(_HEIGHT, _WIDTH, 1.0 / fine)
    coarse_step = 4.0
    # The map is smooth: it is solved on a coarse lattice that overhangs the frame, and interpolated.
    overhang = 8.0
    lattice = pixel_centres(_HEIGHT + 16, _WIDTH + 16, coarse_step) - overhang
    solved = flat(lattice)
    page_places = _cubic(solved, (centres + overhang) / coarse_step)
    a = page_places[..., 0] / _WIDTH * 2.0 - 1.0
    b = page_places[..., 1] / _HEIGHT * 2.0 - 1.0
    _, slope_a, slope_b = _height(a, b)
    nx, ny = -slope_a / (_WIDTH / 2.0), -slope_b / (_HEIGHT / 2.0)
    facing = (-0.42 * nx - 0.30 * ny + 0.86) / np.sqrt(nx * nx + ny * ny + 1.0)
    light = 0.30 + 0.76 * np.clip(facing, 0.0, 1.0)
    lit = sampled(folio(), page_places) * light[..., None]
    inside = np.minimum(
        np.minimum(page_places[..., 0], _WIDTH - page_places[..., 0]),
        np.minimum(page_places[..., 1], _HEIGHT - page_places[..., 1]),
    )
    cover = np.clip(inside * 1.6 + 0.5, 0.0, 1.0)

    def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = (_HEIGHT, fine, _WIDTH, fine, *values.shape[2:])
        mean: NDArray[np.float64] = values.reshape(shape).mean(axis=(1, 3))
        return mean

    sheet, share = means(lit * cover[..., None]), means(cover)
    shadow = np.pad(share, ((14, 0), (0, 0)), mode="edge")[:_HEIGHT]
    shadow = np.pad(shadow, ((0, 0), (10, 0)), mode="edge")[:, :_WIDTH]
    dark = 1.0 - 0.62 * _softened(shadow, 7)
    picture = sheet + _desk() * dark[..., None] * (1.0 - share)[..., None]
    y = ((np.arange(_HEIGHT) + 0.5) / _HEIGHT)[:, None]
    x = ((np.arange(_WIDTH) + 0.5) / _WIDTH)[None, :]
    room = 1.05 - 0.30 * ((x - 0.34) ** 2 + (y - 0.38) ** 2)
    warm = room[..., None] * np.array([1.0, 0.985, 0.955])
    grain = np.random.RandomState(43).standard_normal((_HEIGHT, _WIDTH, 3)) * 0.004
    photograph: Picture = np.clip(picture * warm + grain, 0.0, 1.0)
    return photograph


def _cubic(values: Places, places: Places) -> Places:
    """Return lattice values at places in cells (Catmull-Rom), for places at least a cell inside."""

    def weights(t: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        return (
            0.5 * t * (t * (2.0 - t) - 1.0),
            0.5 * (t * t * (3.0 * t - 5.0) + 2.0),
            0.5 * t * (t * (4.0 - 3.0 * t) + 1.0),
            0.5 * t * t * (t - 1.0),
        )

    # The places form a grid, so each axis is interpolated alone.
    x, y = places[0, :, 0] - 0.5, places[:, 0, 1] - 0.5
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across = sum(
        (w[None, :, None] * values[:, column + k - 1] for k, w in enumerate(weights(x - column))),
        np.zeros(()),
    )
    both: Places = sum(
        (w[:, None, None] * across[row + k - 1] for k, w in enumerate(weights(y - row))), np.zeros(())
    )
    return both
