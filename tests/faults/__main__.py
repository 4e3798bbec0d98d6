"""The matrix of faults, as a table: case, outcome, bytes fetched twice.

    python tests/faults                    the origin's misbehaviour, and 20 kills
    python tests/faults --kills 200        the long form
    python tests/faults --only kill --job add --seed 3

Needs what the tests need; without a MinIO the commands of the store are left out.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "scripts")]
sys.path = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent]

import pytest  # noqa: E402

from faults import kills, web  # noqa: E402
from faults.bench import Bench  # noqa: E402
from faults.outcome import Outcome, show  # noqa: E402
from restoration_models.store.servers import Kind  # noqa: E402
from support.origin import Origin  # noqa: E402
from support.servers import Server, isolate, minio_program, running  # noqa: E402
from support.workspace import stage_path  # noqa: E402


@contextmanager
def store(folder: Path) -> Iterator[Server | None]:
    """A MinIO, where this machine has or can build one."""
    program = minio_program()
    if program is None:
        yield None
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(program).parent), prepend=":")
        yield from running(Kind.MINIO, folder)


def outcomes(given: argparse.Namespace, folder: Path) -> Iterator[Outcome]:
    """Every case that was asked for."""
    if given.only in (None, "origin"):
        yield from web.outcomes()
    if given.only in (None, "kill"):
        with ExitStack() as stack:
            server = stack.enter_context(store(folder / "minio"))
            origin = stack.enter_context(Origin())
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            isolate(folder / "home", patch)
            patch.setenv("PATH", stage_path())
            bench = Bench(folder / "bench", origin, server)
            yield from kills.outcomes(bench, given.kills, given.seed, frozenset(given.job))


def main() -> int:
    """Print the table; the exit status says whether all ended as promised."""
    parser = argparse.ArgumentParser(
        prog="python tests/faults", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--kills", type=int, default=20, help="How many times a command is killed.")
    parser.add_argument("--seed", type=int, help="Of the instants; a number of its own when left out.")
    parser.add_argument("--only", choices=["origin", "kill"], help="One half of the matrix.")
    parser.add_argument("--job", action="append", default=[], help="Kill only this command.")
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1_000_000)
    sys.stdout.write(f"seed {given.seed}\n")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        (Path(folder) / "home").mkdir()
        return 1 if show(outcomes(given, Path(folder))) else 0


if __name__ == "__main__":
    sys.exit(main())
