"""`kill -9` at instants drawn by chance: the short form of ``python tests/faults --kills 200``."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.kills import Job, jobs_of

KILLS = {"download": 2, "validate": 1, "readme": 1, "add": 1, "push": 1, "pull": 1, "publish": 2}
"""How often each is killed; `dvc repro` and `models refresh` are in tests/integration/pipeline."""
STORE = ("push", "pull", "publish")


@pytest.fixture(scope="module")
def jobs(bench: Bench) -> dict[str, Job]:
    return {job.name: job for job in jobs_of(bench)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs_minio) if name in STORE else name for name in KILLS]
)
def test_the_next_run_completes(jobs: dict[str, Job], tmp_path: Path, name: str) -> None:
    """Nothing is torn, and of a download at most a twentieth is fetched twice."""
    if name not in jobs:
        pytest.skip("no real MinIO")
    job, chance = jobs[name], random.Random(name)
    job.calibrate(tmp_path)
    for number in range(KILLS[name]):
        outcome = job.killed(tmp_path / f"{number}", chance.uniform(0.05, 0.95))
        assert outcome.fine, f"{outcome.case}: {outcome.ended}"
