"""Running a network over a large picture piece by piece, so that memory stays bounded.

The picture is cut into tiles of one size that overlap. In the middle half of each overlap one
tile fades into the next; the outer quarters, where a tile lacks what lies around it, are not
used. Tiles start at multiples of `STEP`, so that a network that halves the picture several times
halves it at the same places as it would untiled. Networks that look at the whole picture at once
(the channel averages of NAFNet, the attention of Restormer) see the tile instead: their result
differs a little from the untiled one.

Pictures are (H, W, C) arrays. At most a row of tiles is held beside the picture and the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoration_models.errors import UsageProblem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tile = NDArray[np.float32]

STEP = 16
"""Pixels: the networks of the registry halve a picture at most four times."""
DEFAULT_TILE = 512
DEFAULT_OVERLAP = 64
SMALLEST_TILE = 64


class BadTiling(UsageProblem):
    """A tile and an overlap that do not go together."""

    def __init__(self, tile: int, overlap: int) -> None:
        super().__init__(
            f"a tile of {tile} pixels with an overlap of {overlap} is not possible",
            where="tiles",
            remedy=f"give a tile of at least {SMALLEST_TILE} and an overlap of 0 to half of it",
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Where the tiles of one axis lie: each `size` long or up to the end, the next `stride` further on."""

    length: int
    size: int
    stride: int

    @classmethod
    def of(cls, length: int, tile: int, overlap: int) -> Span:
        """Spread as few tiles as do over `length`, none longer than `tile`, all about equally long."""
        if length <= tile:
            return cls(length, length, length)
        overlap = -(-overlap // STEP) * STEP
        longest = max((tile - overlap) // STEP, 1) * STEP
        count = -(-(length - overlap) // longest)
        even = -(-(length - overlap) // count)
        stride = min(-(-even // STEP) * STEP, longest)
        return cls(length, stride + overlap, stride)

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """Start and end of every tile, in order."""
        overlap = self.size - self.stride
        starts = range(0, max(self.length - overlap, 1), self.stride)
        return tuple((start, min(start + self.size, self.length)) for start in starts)


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a picture is cut."""

    rows: Span
    columns: Span

    @classmethod
    def of(cls, height: int, width: int, tile: int = DEFAULT_TILE, overlap: int = DEFAULT_OVERLAP) -> Tiles:
        """Plan tiles for a picture. Raises `BadTiling`."""
        if tile < SMALLEST_TILE or not 0 <= overlap <= tile // 2:
            raise BadTiling(tile, overlap)
        return cls(Span.of(height, tile, overlap), Span.of(width, tile, overlap))

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return len(self.rows.pieces) * len(self.columns.pieces)


def run(
    picture: NDArray[Any],
    tiles: Tiles,
    restore: Callable[[NDArray[Any]], Tile],
    done: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[int, Tile]]:
    """Yield the restored picture as strips: the row that a strip starts at, and its float32 rows.

    `restore` maps a tile of `picture`, an array (h, w, C) of its type, to (h, w, C') float32.
    `done` is told after each tile how many are done. Strips come in order and cover every row once.
    """
    pieces = tiles.rows.pieces
    count = 0
    below: Tile | None = None
    for index, (top, bottom) in enumerate(pieces):
        band: Tile | None = None
        for left, right in tiles.columns.pieces:
            tile = restore(picture[top:bottom, left:right])
            count += 1
            done(count)
            band = tile if band is None else _beside(band, tile, left)
        assert band is not None  # noqa: S101 - every picture has a tile
        if below is not None:
            band = _under(below, band)
        following = pieces[index + 1][0] if index + 1 < len(pieces) else bottom
        yield top, band[: following - top]
        below = band[following - top :]


def _under(above: Tile, below: Tile) -> Tile:
    """`below`, its first rows faded from `above`, which covers them."""
    shared = min(len(above), len(below))
    weight = _fade(shared)[:, None, None]
    # This form gives exactly the value that both have where they agree.
    below[:shared] = above[:shared] + weight * (below[:shared] - above[:shared])
    return below


def _beside(band: Tile, tile: Tile, left: int) -> Tile:
    """`band` continued by `tile` from the column `left` on, faded where they overlap."""
    import numpy as np

    shared = band.shape[1] - left
    weight = _fade(shared)[None, :, None]
    seam = band[:, left:] + weight * (tile[:, :shared] - band[:, left:])
    return np.concatenate([band[:, :left], seam, tile[:, shared:]], axis=1)


def _fade(length: int) -> Tile:
    """Weights of the later tile over an overlap: 0, then rising over the middle half, then 1."""
    import numpy as np

    places = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(max(length, 1))
    faded: Tile = np.clip(places * 2 - np.float32(0.5), 0, 1)
    return faded
