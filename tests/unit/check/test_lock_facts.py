"""What the locks say of files, value by value: nothing that DVC stumbles over reaches it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from restoration_models.check import check
from restoration_models.review import review
from support.reviewed import Reviewed


def stages(repository: Reviewed, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((repository.root / name).read_text())["stages"]
    return found


def said(repository: Reviewed) -> list[str]:
    found = check(repository.project, offline=True).problems
    assert all(problem.remedy for problem in found)
    return [str(problem).partition(";")[0] for problem in found]


@pytest.mark.parametrize(
    ("kind", "number", "facts", "what"),
    [
        ("deps", 1, {"hash": "4d5"}, "layers/layer-1/reports: hash: names another digest than md5"),
        ("outs", 0, {"nfiles": "x"}, "expected int: nfiles in 0 in outs in cards@layer-1 in stages"),
    ],
    ids=["ours", "DVC's"],
)
def test_a_lock_that_dvc_stumbles_over_is_one_problem(
    repository: Reviewed, kind: str, number: int, facts: dict[str, Any], what: str
) -> None:
    """In the check, and in the page of the review."""
    changed = stages(repository, "dvc.lock")
    changed["cards@layer-1"][kind][number] |= facts
    repository.lock(repository.root / "dvc.lock", changed)
    repository.commit()
    [problem] = said(repository)

    assert problem.startswith("dvc.lock: ")
    assert problem.endswith(what)
    assert what.rpartition(": ")[2][:12] in review(repository.project, base="main")


def test_what_nobody_foresaw_is_a_problem_too(repository: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(self: object) -> None:
        raise NotImplementedError("4d5")

    monkeypatch.setattr("dvc.dependency.base.Dependency.changed_checksum", stumble)

    assert said(repository) == ["dvc.yaml: DVC cannot read the pipeline: NotImplementedError: 4d5"]


def test_sizes_that_are_not_the_files(repository: Reviewed) -> None:
    """DVC compares digests alone."""
    cards = stages(repository, "dvc.lock")
    cards["cards@layer-1"]["outs"][0]["size"] = 5
    cards["cards@layer-2"]["deps"][1]["size"] = 5
    repository.lock(repository.root / "dvc.lock", cards)
    models = stages(repository, "layers/layer-1/dvc.lock")
    models["validate@cleaner"]["outs"][0]["size"] = 5
    models["validate@dryer"]["outs"][1]["size"] = 5
    repository.lock(repository.project.lock("layer-1"), models)
    others = stages(repository, "layers/layer-2/dvc.lock")
    others["validate@sharpener"]["deps"] = [others["validate@sharpener"]["deps"][0] | {"size": 5}]
    repository.lock(repository.project.lock("layer-2"), others)

    def size(path: str) -> int:
        return (repository.root / "layers" / path).stat().st_size

    reports = sum(size(f"layer-2/reports/{name}") for name in (".gitkeep", "sharpener.json"))
    assert [problem.partition("out of step: ")[2] for problem in said(repository)] == [
        f"layers/layer-1/README.md has {size('layer-1/README.md')} bytes, the lock says 5",
        f"layers/layer-2/reports has {reports} bytes, the lock says 5",
        f"reports/cleaner.json has {size('layer-1/reports/cleaner.json')} bytes, the lock says 5",
        f"dryer/sample.png has {size('layer-1/dryer/sample.png')} bytes, the lock says 5",
        "sharpener/sharpener.pth was locked with another size when this ran",
    ]
