"""The benchmarks' runner works; what it measures is nobody's pass or fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.__main__ import main
from benchmarks.measure import BenchmarkFailed, Contender, Run, race


def test_a_row_is_measured_and_written_and_what_people_wrote_stays(tmp_path: Path) -> None:
    output = tmp_path / "RESULTS.md"
    arguments = ["P8", "--quick", "--scratch", str(tmp_path), "--output", str(output)]

    assert main(arguments) == 0
    first = output.read_text()
    output.write_text(first.replace(results.BY_HAND, f"{results.BY_HAND}\nNothing helped.\n"))
    results.write(output, tmp_path / "benchmarks-quick.json", [], ["another machine"])

    text = output.read_text()
    assert "| P8 | `models --help` |" in text
    assert "no figures to quote" in first
    assert "another machine" in text
    assert text.endswith("\nNothing helped.\n")


def test_contenders_take_turns(tmp_path: Path) -> None:
    order = tmp_path / "order"
    contenders = [Contender(name, ["sh", "-c", f"echo {name} >> {order}"], tmp_path) for name in "ab"]

    runs = race(contenders, 3, tmp_path / "log")

    assert order.read_text().split() == ["a", "b", "b", "a", "a", "b"]
    assert [len(one) for one in runs.values()] == [3, 3]


def test_a_command_that_fails_has_no_figure(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match=r"sad: status 3\noh no"):
        race([Contender("sad", ["sh", "-c", "echo oh no; exit 3"], tmp_path)], 1, tmp_path / "log")


def test_a_goal_is_held_against_the_median_of_the_pairs() -> None:
    ours = [Run(seconds, 0, 10) for seconds in (1.0, 3.0, 1.2)]
    peers = [Run(seconds, 0, 20) for seconds in (1.0, 1.0, 1.0)]

    line = results.compared("P1", "work", ours, "peer", peers, at_most=1.1, megabytes=50)

    assert line.ratio == "1.00 / 1.20"
    assert line.reached is False
    assert line.memory == "10 / 20 MB"
