"""The matrix of the origin: every misbehaviour, with one and several connections, fresh and resumed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from faults.outcome import Outcome
from restoration_models.download import DownloadFailed, WrongBytes, fetch
from support.downloads import QUICK, leave_partial, places, request
from support.misbehaviour import DATA, REFUSED, SIZE, SURVIVED, UNREACHABLE
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
            yield _unreachable(f"origin: no such host; {how}", connections, resumed)


def _one(case: str, fault: Faults, connections: int, resumed: bool, survives: bool) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, Origin() as origin:
        url = origin.add("/weights.pth", DATA, fault)
        return _fetch(case, Path(folder), url, connections, resumed, survives, origin)


def _unreachable(case: str, connections: int, resumed: bool) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return _fetch(case, Path(folder), UNREACHABLE["no such host"][0], connections, resumed, False, None)


def _fetch(
    case: str, folder: Path, url: str, connections: int, resumed: bool, survives: bool, origin: Origin | None
) -> Outcome:
    at = places(folder, replace(QUICK, connections=connections))
    wanted = request(DATA, url, folder=folder)
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
