from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from restoration_models.download.ranges import Ranges

INTERVAL = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(st.lists(INTERVAL, max_size=12), INTERVAL)
def test_behaves_like_a_set_of_positions(intervals: list[tuple[int, int]], window: tuple[int, int]) -> None:
    ranges, positions = Ranges(intervals), set[int]()
    for start, end in intervals:
        positions |= set(range(start, end))
    held = list(ranges)
    assert {at for start, end in held for at in range(start, end)} == positions
    assert all(start < end for start, end in held)
    assert all(one[1] < other[0] for one, other in pairwise(held)), "sorted, merged"
    assert ranges.total == len(positions)
    assert ranges.frontier == next(at for at in range(100) if at not in positions)
    gaps = {at for start, end in ranges.missing(*window) for at in range(start, end)}
    assert gaps == set(range(*window)) - positions
