"""Timing whole processes: wall time, processor time and peak memory, side by side and in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
TAIL = 2000
"""Characters of a failed command's output that are shown."""


class BenchmarkFailed(Exception):
    """A command under measurement failed: there is no figure."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process."""

    seconds: float
    cpu: float
    """Seconds of processor time, its children's included."""
    megabytes: float
    """Peak memory of its largest process (10^6 bytes)."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A command to be timed."""

    name: str
    command: Sequence[str]
    cwd: Path
    before: Callable[[], object] = lambda: None
    """Puts everything as it was before the work; not timed."""
    after: Callable[[], object] = lambda: None
    """Raises where the work was not done; not timed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (0,)


def shell(text: str) -> list[str]:
    """A command line for bash, which stops at the first failure, in a pipe too."""
    return ["bash", "-e", "-o", "pipefail", "-c", text]


def clean_environment() -> dict[str, str]:
    """This process's environment without what slows Python down or points at a user's own stores."""
    own = ("AWS_", "MINIO_", "S3_", "DVC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["DVC_NO_ANALYTICS"] = "1"
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept


def run(contender: Contender, log: Path) -> Run:
    """Run a contender once and measure it. Raises `BenchmarkFailed`."""
    contender.before()
    os.sync()  # what the preparation wrote is not to be paid for by what follows
    figures = log.with_suffix(".json")
    figures.unlink(missing_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCH), str(figures), *contender.command],
            cwd=contender.cwd,
            env=clean_environment() | dict(contender.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode not in contender.statuses:
        told = log.read_text(encoding="utf-8", errors="replace")[-TAIL:]
        raise BenchmarkFailed(f"{contender.name}: status {done.returncode}\n{told}")
    contender.after()
    seconds, cpu, peak = json.loads(figures.read_text())
    return Run(seconds, cpu, peak / 1e6)


def race(contenders: Sequence[Contender], rounds: int, log: Path) -> dict[str, list[Run]]:
    """Run all contenders in turn, `rounds` times; who begins changes from round to round."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        turn = number % len(contenders)
        for contender in [*contenders[turn:], *contenders[:turn]]:
            runs[contender.name].append(run(contender, log))
    return runs


@dataclass(frozen=True, slots=True)
class Spread:
    """Minimum and median of some figures."""

    least: float
    median: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(min(values), statistics.median(values))


def seconds(runs: Sequence[Run]) -> Spread:
    """Wall time."""
    return Spread.of([one.seconds for one in runs])


def ratio(ours: Sequence[Run], peers: Sequence[Run]) -> Spread:
    """Ours against the peer's: of the minima, and the median of the rounds' own ratios."""
    pairs = [one.seconds / other.seconds for one, other in zip(ours, peers, strict=True)]
    return Spread(seconds(ours).least / seconds(peers).least, statistics.median(pairs))
