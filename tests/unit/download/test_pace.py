"""How fast bytes must come, over one answer or many."""

from __future__ import annotations

import pytest

from restoration_models.download.body import Pace
from restoration_models.download.policy import DEFAULT
from restoration_models.download.trouble import Transient


def test_a_byte_every_five_seconds_is_a_drip() -> None:
    pace = Pace(DEFAULT)
    for _ in range(5):
        pace.add(1, 5.0)
    with pytest.raises(Transient, match="only drips"):
        pace.add(1, 5.0)
    pace.add(1, 29.0)  # another window


def test_a_slow_mirror_goes_on() -> None:
    pace = Pace(DEFAULT)
    for _ in range(100):
        pace.add(5 * 1024, 5.0)
    pace.restart()
    for _ in range(100):
        pace.add(0, 14.0)
        pace.add(32 * 1024, 17.0)


def test_what_was_fast_once_is_not_for_ever() -> None:
    pace = Pace(DEFAULT)
    pace.add(1 << 30, 30.0)
    with pytest.raises(Transient, match="only drips"):
        pace.add(1, 30.0)
    pace.add(1, 29.0)
    pace.restart()
    pace.add(1, 29.0)
