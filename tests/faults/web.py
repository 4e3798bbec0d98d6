"""The matrix of the origin: every misbehaviour, with one and several connections, fresh and resumed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faults.outcome import Outcome
from restoration_models.download import DownloadFailed, WrongBytes, fetch
from support.downloads import QUICK, leave_partial, places, request
from support.misbehaviour import DATA, OTHER, REFUSED, SIZE, SURVIVED, UNREACHABLE
from support.origin import Faults, Origin

HELD = 110_000
"""Bytes that an earlier run left, where a case is a resumed one."""


def outcomes() -> Iterator[Outcome]:
    """Each case of the matrix."""
    faults = {**SURVIVED, **{name: one[0] for name, one in REFUSED.items()}}
    for connections in (1, 4):
        for resumed in (False, True):
            how = f"{connections} at once, {'resumed' if resumed else 'fresh'}"
            for name, fault in faults.items():
                yield _one(f"origin: {name}; {how}", fault, connections, resumed, name in SURVIVED)
            for obeys in (True, False):
                changes = Faults(times=2, changes=DATA, ignore_if_range=not obeys)
                name = f"changes, If-Range {'obeyed' if obeys else 'ignored'}"
                yield _one(f"origin: {name}; {how}", changes, connections, resumed, True, OTHER)
            yield _one(f"origin: other bytes; {how}", Faults(), connections, resumed, False, OTHER)
            yield _poisoned(f"origin: leavings of another source; {how}", connections, resumed)
            for name in UNREACHABLE:
                yield _unreachable(f"origin: {name}; {how}", name, connections, resumed)


def _one(
    case: str, fault: Faults, connections: int, resumed: bool, survives: bool, served: bytes = DATA
) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, Origin() as origin:
        url = origin.add("/weights.pth", served, fault)
        return _fetch(case, Path(folder), [url], connections, resumed, survives, origin)


def _poisoned(case: str, connections: int, resumed: bool) -> Outcome:
    """A source with other bytes breaks off, and a good one completes its leavings."""
    with tempfile.TemporaryDirectory() as folder, Origin() as origin:
        bad = origin.add("/bad.pth", OTHER, Faults(reset_at=30_000, times=1))
        good = origin.add("/good.pth", DATA)
        return _fetch(case, Path(folder), [bad, good], connections, resumed, True, origin, retries=0)


def _unreachable(case: str, name: str, connections: int, resumed: bool) -> Outcome:
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin() as origin,
        Origin() as stranger,
        pytest.MonkeyPatch.context() as patch,
    ):
        origin.add("https://mirror.example/weights.pth", DATA)
        patch.setenv("HTTPS_PROXY", origin.url)
        patch.setenv("REQUESTS_CA_BUNDLE", str(stranger.ca))
        patch.setenv("NO_PROXY", "nowhere.invalid")
        return _fetch(case, Path(folder), [UNREACHABLE[name][0]], connections, resumed, False, None)


def _fetch(
    case: str,
    folder: Path,
    urls: list[str],
    connections: int,
    resumed: bool,
    survives: bool,
    origin: Origin | None,
    **policy: int,
) -> Outcome:
    at = places(folder, replace(QUICK, connections=connections, **policy))  # type: ignore[arg-type]
    wanted = request(DATA, *urls, folder=folder)
    assert wanted.destination
    if resumed:
        leave_partial(at, wanted, DATA, (0, 50_000), (100_000, 160_000))
    try:
        fetch(wanted, at)
    except (DownloadFailed, WrongBytes) as error:
        there = wanted.destination.exists()
        ended = f"status {error.status}: {error.failures[0].reason}"
        return Outcome(case, ended, not survives and not there)
    right = wanted.destination.read_bytes() == DATA
    needed = SIZE - HELD if resumed else SIZE
    twice = max(0, origin.sent() - needed) if origin else 0
    return Outcome(case, "the verified file" if right else "a wrong file", survives and right, twice, SIZE)
