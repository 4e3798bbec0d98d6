"""Every hostile fixture, scanned: how many are refused, how many of their payloads ran.

``make hostile``, or ``python tests/hostile.py`` from the environment of the project. Exit status 0 where
every file was refused and nothing ran. Needs no torch.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from restoration_models.errors import ModelProblem  # noqa: E402
from restoration_models.scan import scan  # noqa: E402
from support.hostile import cases  # noqa: E402
from support.hostile_parts import Case  # noqa: E402

CANARY = Path("canary")
NAMES = ("checkpoint.pth", "model.safetensors", "picture.png", "noextension")
"""Each file under each: what it is called must not matter."""


@dataclass
class Counts:
    """What happened to the fixtures of one kind, or of all."""

    files: int = 0
    refused: int = 0
    executed: int = 0
    live: int = 0
    """Files with a payload that Python's own unpickler runs, which was tried."""
    passed: list[str] = field(default_factory=list)
    """Files that were not refused, or not under each name alike."""


def run(fixtures: list[Case]) -> dict[str, Counts]:
    """Scan every fixture under every name; in an empty folder, which becomes the working folder."""
    kinds: dict[str, Counts] = {}
    for case in fixtures:
        counts = kinds.setdefault(case.name.partition("-")[0], Counts())
        counts.files += 1
        refusals = Counter(refusal(case, name) for name in NAMES)
        if len(refusals) == 1 and "" not in refusals:
            counts.refused += 1
        else:
            counts.passed.append(case.name)
        counts.executed += ran()
        if case.live:
            pickle.loads(case.live)  # noqa: S301 - the proof that the canary would appear
            counts.live += ran()
    return kinds


def refusal(case: Case, name: str) -> str:
    """What the scan says of the file called `name`, without the name; empty where it passes."""
    path = Path(name)
    path.write_bytes(case.data)
    try:
        scan(path)
    except ModelProblem as error:
        return error.what if isinstance(error, case.refused) else ""
    finally:
        path.unlink()
    return ""


def ran() -> bool:
    """Whether a payload ran since the last time this was asked."""
    if not CANARY.exists():
        return False
    CANARY.rmdir()
    return True


def show(kinds: dict[str, Counts]) -> bool:
    """Print the table; return whether all is well."""
    total = Counts()
    lines = [("kind", "files", "refused", "executed", "live payloads")]
    for kind, counts in sorted(kinds.items()):
        lines.append((kind, *(str(n) for n in (counts.files, counts.refused, counts.executed, counts.live))))
        total.files += counts.files
        total.refused += counts.refused
        total.executed += counts.executed
        total.live += counts.live
        total.passed += counts.passed
    for line in lines:
        print(f"{line[0]:<14}" + "".join(f"{cell:>15}" for cell in line[1:]))  # noqa: T201
    print(  # noqa: T201
        f"\nrefused {total.refused} of {total.files} (each under {len(NAMES)} names), "
        f"executed {total.executed}; {total.live} hold a payload that runs where pickle itself loads it"
    )
    for name in total.passed:
        print(f"NOT REFUSED: {name}")  # noqa: T201
    return total.refused == total.files and not total.executed and total.live > 0


def main() -> int:
    """Run them all in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return 0 if show(run(cases(CANARY))) else 1
        finally:
            os.chdir(HERE)


if __name__ == "__main__":
    sys.exit(main())
