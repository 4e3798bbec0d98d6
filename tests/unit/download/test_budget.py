from __future__ import annotations

from dataclasses import replace

import pytest

from restoration_models.download.budget import Budget
from restoration_models.download.trouble import Disqualified, Transient
from support.downloads import QUICK

POLICY = replace(
    QUICK, retries=3, quick_retries=1, backoff_base=1.0, backoff_cap=3.0, retry_after_cap=60.0, refill=100
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def budget(clock: Clock, size: int = 10_000_000) -> Budget:
    return Budget(POLICY, size, 0, clock=clock, chance=lambda low, high: high)


def spend(one: Budget, clock: Clock, trouble: Transient, have: int = 0) -> float:
    delay = one.spend(trouble, have)
    clock.now += delay
    return delay


def test_backoff_grows_to_its_cap_and_ends() -> None:
    clock = Clock()
    one = budget(clock)
    assert [spend(one, clock, Transient("is busy")) for _ in range(3)] == [1.0, 2.0, 3.0]
    with pytest.raises(Disqualified, match=r"^is busy \(4 times in a row\)$"):
        spend(one, clock, Transient("is busy"))


def test_bytes_refill_it() -> None:
    clock = Clock()
    one = budget(clock)
    for attempt in range(50):
        assert spend(one, clock, Transient("reset"), have=attempt * 100) <= 2.0


def test_too_few_bytes_do_not() -> None:
    clock = Clock()
    one = budget(clock)
    with pytest.raises(Disqualified):
        for attempt in range(5):
            spend(one, clock, Transient("reset"), have=attempt)


def test_unreachable_hosts_are_left_sooner() -> None:
    clock = Clock()
    one = budget(clock)
    spend(one, clock, Transient("could not be resolved", unreachable=True))
    with pytest.raises(Disqualified, match=r"^could not be resolved$"):
        spend(one, clock, Transient("could not be resolved", unreachable=True))


def test_connections_that_fail_together_count_once() -> None:
    clock = Clock()
    one = budget(clock)
    delays = [one.spend(Transient("reset"), 0) for _ in range(8)]
    assert delays == [1.0] * 8


def test_retry_after_is_kept_to() -> None:
    clock = Clock()
    one = budget(clock)
    assert spend(one, clock, Transient("is busy", retry_after=42.0)) == 42.0
    assert spend(one, clock, Transient("is busy", retry_after=0.0)) == 2.0


def test_retry_after_beyond_patience_ends_it() -> None:
    with pytest.raises(Disqualified, match=r"^is busy and to be left alone for 3600 s$"):
        budget(Clock()).spend(Transient("is busy", retry_after=3600.0), 0)
