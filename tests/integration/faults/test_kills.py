"""`kill -9` at instants drawn by chance: the short form of ``python tests/faults --kills 200``."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.kills import Job, jobs_of

KILLS = {
    "download": 2,
    "validate": 1,
    "readme": 1,
    "add": 1,
    "push": 1,
    "models push": 1,
    "pull": 1,
    "models pull": 1,
    "publish": 2,
}
"""How often each is killed; `dvc repro` and `models refresh` are in tests/integration/pipeline."""
STORE = ("push", "models push", "pull", "models pull", "publish")
TAKE = {"rename": 1.0, "replace": 1.2, "remove": 0.25, "withdraw": 0.25, "add-layer": 0.25}
"""How long edits take beside a `dvc repro` of one model, about: so none has to be run undisturbed."""


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


@pytest.mark.parametrize("name", TAKE)
def test_an_edit_is_taken_back(bench: Bench, jobs: dict[str, Job], tmp_path: Path, name: str) -> None:
    """By the next refresh, to the byte; what was done to the end stays, and is whole."""
    assert bench.finished
    jobs[name].seconds = TAKE[name] * bench.repro_seconds
    outcome = jobs[name].killed(tmp_path / name, random.Random(name).uniform(0.05, 0.95), again=False)
    assert outcome.fine, f"{outcome.case}: {outcome.ended}"
