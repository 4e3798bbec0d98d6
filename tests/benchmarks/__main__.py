"""Run the benchmarks and write RESULTS.md: ``make benchmarks``, or rows of them::

PYTHONPATH=tests:scripts python -m benchmarks P1 P2 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks import peers, results
from benchmarks.measure import BenchmarkFailed
from benchmarks.rows import commands, downloads, memory, pipeline, store
from benchmarks.setting import Setting, at_home

HERE = Path(__file__).parent
ROWS = {
    name: work
    for module in (store, downloads, pipeline, commands, memory)
    for name, work in module.ROWS.items()
}
ROUNDS = 3


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 1 where a row could not be measured."""
    given = _parser().parse_args(arguments)
    wanted = given.rows or sorted(ROWS, key=lambda row: (row[:1], int(row[1:])))
    given.scratch = given.scratch.resolve()
    given.scratch.mkdir(parents=True, exist_ok=True)
    lines: list[results.Line] = []
    failed = []
    with tempfile.TemporaryDirectory(dir=given.scratch, prefix="benchmarks-") as name:
        setting = Setting(Path(name), given.quick, 1 if given.quick else given.rounds)
        load = os.getloadavg()[0]
        with at_home(Path(name) / "home"):
            for work in dict.fromkeys(ROWS[row] for row in wanted):
                began = time.monotonic()
                try:
                    found = work(setting)
                except (BenchmarkFailed, AssertionError, OSError, subprocess.SubprocessError) as error:
                    failed.append(f"{work.__module__}.{work.__name__}: {error}")
                    print(failed[-1], file=sys.stderr)  # noqa: T201
                    continue
                when = time.strftime("%Y-%m-%d %H:%M")
                lines += [replace(line, when=when, measured=work.__name__) for line in found]
                for line in found:
                    print(line.row, line.work, line.ours, line.peer, line.ratio, line.memory, sep=" | ")  # noqa: T201
                print(f"  ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201
                if given.output:
                    kept = given.scratch / ("benchmarks-quick.json" if given.quick else "benchmarks.json")
                    results.write(given.output, kept, lines, _about(given.quick, load))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure this project beside its peers")
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", choices=[[], *ROWS], help="rows; all of them unless given"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: shows that they run")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--scratch", type=Path, default=HERE.parents[1] / "build", help="a folder on a disk with 40 GB"
    )
    parser.add_argument("--output", type=Path, help="where RESULTS.md is written")
    return parser


def _about(quick: bool, load: float) -> list[str]:
    """Machine and versions."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    packages = ("dvc", "dvc-s3", "s3fs", "torch", "spandrel", "urllib3", "ruamel.yaml", "ruamel.yaml.clib")
    told = [
        (
            f"{time.strftime('%Y-%m-%d')}; {_processor()}, {os.cpu_count()} processors,"
            f" {pages / 1e9:.0f} GB of memory; {platform.system()} {platform.release()}"
        ),
        f"Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in packages),
        "; ".join(peers.versions()),
        f"load average before the first row: {load:.2f}",
    ]
    return ["**small sizes, one round: no figures to quote**", *told] if quick else told


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


if __name__ == "__main__":
    sys.exit(main())
