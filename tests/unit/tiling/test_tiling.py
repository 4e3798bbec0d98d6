"""Tiles cover a picture, and what comes out is what an untiled run gives."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from restoration_models.errors import UsageProblem
from restoration_models.tiling import STEP, BadTiling, Span, Tiles, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTHS = st.integers(1, 3000)
SIZES = st.integers(64, 700).flatmap(lambda tile: st.tuples(st.just(tile), st.integers(0, tile // 2)))


@given(LENGTHS, SIZES)
def test_tiles_of_an_axis_cover_it_with_enough_overlap(length: int, sizes: tuple[int, int]) -> None:
    tile, overlap = sizes
    pieces = Span.of(length, tile, overlap).pieces
    assert pieces[0][0] == 0
    assert pieces[-1][1] == length
    assert max(end - start for start, end in pieces) <= tile
    for (_, end), (start, following) in itertools.pairwise(pieces):
        assert start < end or overlap == 0
        assert end - start >= min(overlap, following - start)
        assert following > end
        assert start % STEP == 0


@given(LENGTHS, SIZES)
def test_no_tile_is_a_sliver(length: int, sizes: tuple[int, int]) -> None:
    tile, overlap = sizes
    pieces = Span.of(length, tile, overlap).pieces
    assert all(end - start > overlap for start, end in pieces) or len(pieces) == 1


def test_tiles_are_spread_evenly() -> None:
    assert Span.of(1000, 512, 64).pieces == ((0, 384), (320, 704), (640, 1000))
    assert Span.of(512, 512, 64).pieces == ((0, 512),)
    assert Span.of(513, 512, 64).pieces == ((0, 304), (240, 513))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_an_identity_gives_the_picture_exactly(height: int, width: int, overlap: int, seed: int) -> None:
    picture = np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)
    result = together(picture, Tiles.of(height, width, 64, overlap), lambda tile: tile.copy())
    assert np.array_equal(result, picture)


def test_strips_come_in_order_and_progress_counts_tiles() -> None:
    picture = np.zeros((300, 200, 1), np.float32)
    tiles = Tiles.of(300, 200, 96, 16)
    told: list[int] = []
    tops = [(top, len(strip)) for top, strip in run(picture, tiles, lambda tile: tile.copy(), told.append)]
    assert sum(rows for _, rows in tops) == 300
    assert [top for top, _ in tops] == [sum(rows for _, rows in tops[:n]) for n in range(len(tops))]
    assert told == [*range(1, tiles.count + 1)]


def test_a_network_of_small_reach_gives_the_untiled_result() -> None:
    """Its reach, 10 pixels, lies within the quarter of the overlap that is not used."""
    torch.manual_seed(0)
    network = nn.Sequential(*(nn.Conv2d(3, 3, 5, padding=2) for _ in range(5)))

    @torch.inference_mode()
    def restore(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        batch = torch.from_numpy(tile.transpose(2, 0, 1).copy())[None]
        return network(batch)[0].permute(1, 2, 0).contiguous().numpy()

    picture = np.random.default_rng(1).random((333, 271, 3), dtype=np.float32)
    tiled = together(picture, Tiles.of(333, 271, 128, 48), restore)
    assert np.abs(tiled - restore(picture)).max() < 1e-5


def test_a_seam_is_faded() -> None:
    """Where tiles disagree, the result passes from one to the other without a step."""
    values = iter([0.0, 1.0])
    picture = np.zeros((64, 150, 1), np.float32)
    row = together(picture, Tiles.of(64, 150, 96, 32), lambda tile: np.full_like(tile, next(values)))[0, :, 0]
    assert (row[0], row[-1]) == (0, 1)
    assert np.all(np.diff(row) >= 0)
    assert np.diff(row).max() <= 1 / 16


def test_memory_does_not_grow_with_the_height() -> None:
    """A strip more costs nothing: the strips are let go as they come."""
    peaks = []
    for height in (600, 6000):
        picture = np.zeros((height, 500, 3), np.uint8)
        tracemalloc.start()
        for _ in run(picture, Tiles.of(height, 500, 128, 32), lambda tile: tile.astype(np.float32)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    row_of_tiles = 128 * 500 * 3 * 4
    assert peaks[1] < 1.2 * peaks[0] < 6 * row_of_tiles


@pytest.mark.parametrize(("tile", "overlap"), [(63, 0), (512, 257), (512, -1), (0, 0)])
def test_impossible_tiles_are_refused(tile: int, overlap: int) -> None:
    with pytest.raises(BadTiling) as caught:
        Tiles.of(1000, 1000, tile, overlap)
    assert isinstance(caught.value, UsageProblem)
    assert str(caught.value) == (
        f"tiles: a tile of {tile} pixels with an overlap of {overlap} is not possible; "
        "give a tile of at least 64 and an overlap of 0 to half of it"
    )


def together(picture: NDArray[Any], tiles: Tiles, restore: Any) -> NDArray[np.float32]:
    return np.concatenate([strip for _, strip in run(picture, tiles, restore)])
