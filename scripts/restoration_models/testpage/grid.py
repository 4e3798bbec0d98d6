"""How far the folio's printed reference marks lie from where they belong.

The marks are found in the pixels, by their colour. They stand on a regular grid of 5 x 9; one column
and one row are magenta, the others green, which tells each mark's place without knowing the warp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restoration_models.testpage.pages import (
    AXIS_COLUMN,
    AXIS_ROW,
    FOLIO,
    MARK_COLUMNS,
    MARK_RADIUS,
    MARK_ROWS,
)
from restoration_models.testpage.warp import photographed

_COLUMNS, _ROWS = len(MARK_COLUMNS), len(MARK_ROWS)
_REACH = 0.33
"""How far from its foretold place a mark is looked for, as a share of the spacing."""

_MOST_COLOURED = 0.03
"""Share of the page that one colour's marks may cover (they cover 0.4 %): more is a cast or noise."""
_MOST_BLOBS = 300
_MOST_WRONG = 2
"""Marks of the wrong colour that a reading of the grid may meet."""

Place = tuple[int, int]
"""Column and row on the grid."""


@dataclass(frozen=True, slots=True)
class GridError:
    """The mean distance of the marks from their true places."""

    mean: float
    """Pixels of the folio; a mark that was not found counts as its distance in the degraded picture."""
    found: int
    of: int


@dataclass(frozen=True, slots=True)
class _Blob:
    x: float
    y: float
    magenta: bool


def mark_places() -> NDArray[np.float64]:
    """Return the true places of the marks on the flat folio, (9, 5, 2), x then y in pixels."""
    return np.stack(np.meshgrid(np.array(MARK_COLUMNS), np.array(MARK_ROWS)), axis=-1)


def _magenta(place: Place) -> bool:
    return place[0] == AXIS_COLUMN or place[1] == AXIS_ROW


def _connected(seeds: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Return the 8-connected groups of set pixels, (row, column)."""
    waiting = set(zip(*(k.tolist() for k in np.nonzero(seeds)), strict=True))
    groups = []
    for seed in sorted(waiting):
        if seed not in waiting:
            continue
        waiting.discard(seed)
        edge = [seed]
        group = []
        while edge:
            row, column = edge.pop()
            group.append((row, column))
            for near in ((row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if near in waiting:
                    waiting.discard(near)
                    edge.append(near)
        groups.append(group)
    return groups


def _blobs(strength: NDArray[np.float64], magenta: bool) -> list[_Blob]:
    """Return the marks of one colour: weighted centres of compact groups of coloured pixels."""
    peaks = np.sort(strength, axis=None)[-200:]
    level = 0.42 * float(np.median(peaks))
    if level < 0.04:
        return []
    coloured = strength > level
    if coloured.mean() > _MOST_COLOURED:
        return []
    found = []
    height, width = strength.shape
    for group in _connected(coloured):
        if not 5 <= len(group) <= 9.0 * MARK_RADIUS * MARK_RADIUS:
            continue
        rows, columns = [r for r, _ in group], [c for _, c in group]
        tall, wide = max(rows) - min(rows) + 1, max(columns) - min(columns) + 1
        if max(tall, wide) > 2.6 * min(tall, wide) + 1:
            continue
        top, bottom = max(0, min(rows) - 2), min(height, max(rows) + 3)
        left, right = max(0, min(columns) - 2), min(width, max(columns) + 3)
        # Weights count from a low floor, so that the soft rim of the mark takes part.
        patch = np.clip(strength[top:bottom, left:right] - 0.12 * level, 0.0, None)
        total = float(patch.sum())
        x = float((patch.sum(axis=0) * (np.arange(left, right) + 0.5)).sum()) / total
        y = float((patch.sum(axis=1) * (np.arange(top, bottom) + 0.5)).sum()) / total
        found.append(_Blob(x, y, magenta))
    return found


def _foretold(place: Place, known: dict[Place, _Blob]) -> tuple[float, float]:
    """Return where a mark should be, by an affine fit to the nearest known ones."""
    near = sorted(known, key=lambda p: ((p[0] - place[0]) ** 2 + (p[1] - place[1]) ** 2, p))[:7]
    here = np.array([[c - place[0], r - place[1]] for c, r in near], dtype=np.float64)
    seen = np.array([[known[p].x, known[p].y] for p in near])
    pitch = np.array([MARK_COLUMNS[1] - MARK_COLUMNS[0], MARK_ROWS[1] - MARK_ROWS[0]])
    # A weak belief in the page's own spacing decides what the known marks leave open.
    rest = seen - here * pitch * 0.95
    weight = 1.0 / (1.0 + (here * here).sum(axis=1))
    design = np.concatenate([np.ones((len(near), 1)), here], axis=1)
    normal = design.T @ (design * weight[:, None]) + np.diag([0.0, 0.02, 0.02])
    solution = np.linalg.solve(normal, design.T @ (rest * weight[:, None]))
    return float(solution[0, 0]), float(solution[0, 1])


def _grown(seed: _Blob, at: Place, blobs: list[_Blob]) -> dict[Place, _Blob]:
    """Return the marks that follow from reading one blob as the mark `at`, neighbour by neighbour.

    None follow where marks of the other colour stand in more than a few places.
    """
    pitch = min(MARK_COLUMNS[1] - MARK_COLUMNS[0], MARK_ROWS[1] - MARK_ROWS[0])
    known = {at: seed}
    free = [blob for blob in blobs if blob is not seed]
    tried: set[Place] = set()
    wrong: set[Place] = set()
    while len(wrong) <= _MOST_WRONG:
        border = {
            (c + dc, r + dr)
            for c, r in known
            for dc, dr in ((1, 0), (-1, 0), (0, 1), (0, -1))
            if 0 <= c + dc < _COLUMNS and 0 <= r + dr < _ROWS
        }
        border -= known.keys() | tried | wrong
        if not border:
            return known
        place = min(border, key=lambda p: (-_neighbours(p, known), p))
        x, y = _foretold(place, known)
        away = [(blob.x - x) ** 2 + (blob.y - y) ** 2 for blob in free]
        nearest = min(range(len(free)), key=away.__getitem__, default=None)
        if nearest is None or away[nearest] > (_REACH * pitch) ** 2:
            tried.add(place)
        elif free[nearest].magenta != _magenta(place):
            wrong.add(place)
        else:
            known[place] = free.pop(nearest)
            tried.clear()
    return {}


def _neighbours(place: Place, known: dict[Place, _Blob]) -> int:
    return sum((place[0] + dc, place[1] + dr) in known for dc in (-1, 0, 1) for dr in (-1, 0, 1))


def find_marks(image: ArrayLike) -> dict[Place, tuple[float, float]]:
    """Return the marks found in a picture (712, 488, 3), 0..1: grid place to x, y in pixels."""
    picture = np.asarray(image, dtype=np.float64)
    if picture.shape != (*FOLIO, 3):
        raise ValueError(f"a picture of the folio's shape {(*FOLIO, 3)} expected, got {picture.shape}")
    red, green, blue = picture[:, :, 0], picture[:, :, 1], picture[:, :, 2]
    bright = np.clip(picture.max(axis=2), 0.08, None)
    blobs = _blobs(np.clip(green - np.maximum(red, blue), 0.0, None) / bright, False)
    blobs += _blobs(np.clip(np.minimum(red, blue) - green, 0.0, None) / bright, True)
    if len(blobs) > _MOST_BLOBS:
        return {}
    best: dict[Place, _Blob] = {}
    middle = sorted(blobs, key=lambda b: (b.x - FOLIO[1] / 2) ** 2 + (b.y - FOLIO[0] / 2) ** 2)
    for seed in middle[:4]:
        for at in ((c, r) for c in range(_COLUMNS) for r in range(_ROWS)):
            if seed.magenta == _magenta(at):
                known = _grown(seed, at, blobs)
                if len(known) > len(best):
                    best = known
        if len(best) > 0.8 * _COLUMNS * _ROWS:
            break
    return {place: (blob.x, blob.y) for place, blob in best.items()}


def grid_error(image: ArrayLike) -> GridError:
    """Return the mean distance of the printed marks from where they belong, in pixels of the folio.

    `image` is an output picture of the folio's size, (712, 488, 3), RGB, 0..1. Marks are told by their
    colour and put in order by their neighbours, at sub-pixel accuracy. A mark that is not found counts as
    its distance in the degraded picture. Raises `ValueError` for another shape.
    """
    found = find_marks(image)
    true = mark_places()
    away = np.sqrt(((photographed(true) - true) ** 2).sum(axis=-1))
    for (column, row), (x, y) in found.items():
        away[row, column] = ((x - true[row, column, 0]) ** 2 + (y - true[row, column, 1]) ** 2) ** 0.5
    return GridError(mean=float(away.mean()), found=len(found), of=_COLUMNS * _ROWS)
