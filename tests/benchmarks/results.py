"""What was measured, and RESULTS.md, whose hand-written part stays when the tables are written anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import Run, ratio, seconds

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
BY_HAND = "## What was tried and what it gave\n"
HEAD = """# Benchmarks

Written by `make benchmarks`; [README.md](README.md) says what each row does. Everything below the table is
written by hand and stays.

"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table."""

    row: str
    """P1 …"""
    work: str
    ours: str
    peer: str
    ratio: str
    memory: str
    goal: str
    reached: bool | None
    """None where the line has no goal: it is there to explain another."""
    when: str = ""
    measured: str = ""
    """The function that did."""


def compared(
    row: str,
    work: str,
    ours: Sequence[Run],
    peer: str,
    peers: Sequence[Run],
    *,
    at_most: float | None = None,
    megabytes: float | None = None,
) -> Line:
    """A line for two contenders of one race; the goals are a ratio, of the medians' pairs, and a memory."""
    found = ratio(ours, peers)
    goals, reached = [], []
    if at_most is not None:
        goals.append(f"≤ {at_most:.3g}x")
        reached.append(found.median <= at_most)
    if megabytes is not None:
        goals.append(f"≤ {megabytes:g} MB")
        reached.append(memory(ours) <= megabytes)
    return Line(
        row,
        work,
        spread(ours),
        f"{peer}: {spread(peers)}",
        f"{found.least:.2f} / {found.median:.2f}",
        f"{memory(ours):.0f} / {memory(peers):.0f} MB",
        ", ".join(goals) or "—",
        all(reached) if reached else None,
    )


def alone(
    row: str, work: str, ours: Sequence[Run], *, at_most: float | None = None, megabytes: float | None = None
) -> Line:
    """A line for a work that has no peer; the goals are seconds, by the median, and a memory."""
    goals, reached = [], []
    if at_most is not None:
        goals.append(f"≤ {at_most:g} s")
        reached.append(seconds(ours).median <= at_most)
    if megabytes is not None:
        goals.append(f"≤ {megabytes:g} MB")
        reached.append(memory(ours) <= megabytes)
    return Line(
        row,
        work,
        spread(ours),
        "—",
        "—",
        f"{memory(ours):.0f} MB",
        ", ".join(goals) or "—",
        all(reached) if reached else None,
    )


def spread(runs: Sequence[Run]) -> str:
    """Minimum and median of the wall time."""
    found = seconds(runs)
    return f"{found.least:.2f} / {found.median:.2f} s"


def memory(runs: Sequence[Run]) -> float:
    """The highest peak, in MB."""
    return max(one.megabytes for one in runs)


def write(path: Path, kept: Path, lines: Sequence[Line], about: Sequence[str]) -> None:
    """Write RESULTS.md at `path`; lines of rows that were not run now come from `kept`, which is renewed."""
    former = [Line(**one) for one in json.loads(kept.read_text())] if kept.is_file() else []
    renewed = {line.measured for line in lines}
    kept_lines = [line for line in former if line.measured not in renewed]
    merged = sorted([*kept_lines, *lines], key=lambda line: _order(line.row))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([asdict(line) for line in merged], indent=1, ensure_ascii=False))
    present = path.read_text(encoding="utf-8") if path.is_file() else HEAD + f"{BEGIN}\n{END}\n\n{BY_HAND}"
    before, _, rest = present.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{_table(merged, about)}{END}{after}", encoding="utf-8")


EXPLAINED = """
Times are minimum / median of the rounds. Ratios are ours to the peer's: of the minima / the median of the
rounds' own ratios, which the goal is held against. Memory is the peak of the largest process, ours / the
peer's.

| # | work | ours | peer | ratio | memory | to reach | reached |
|---|---|---|---|---|---|---|---|
"""


def _table(lines: Sequence[Line], about: Sequence[str]) -> str:
    rows = {line.row: line.when for line in lines}
    when = ", ".join(f"{row} {rows[row]}" for row in rows)
    text = "".join(f"- {one}\n" for one in (*about, f"measured: {when}")) + EXPLAINED
    for line in lines:
        reached = {True: "yes", False: "**no**", None: ""}[line.reached]
        cells = (line.row, line.work, line.ours, line.peer, line.ratio, line.memory, line.goal, reached)
        text += f"| {' | '.join(cells)} |\n"
    return text


def _order(row: str) -> tuple[str, int]:
    return row[:1], int(row[1:])
