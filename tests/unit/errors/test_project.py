"""Finding the project, and where its files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoration_models.errors import UsageProblem
from restoration_models.project import Project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "layers" / "layer-1" / "a").mkdir(parents=True)
    (tmp_path / "params.yaml").touch()
    (tmp_path / "layers" / "layer-1" / "params.yaml").touch()
    return tmp_path.resolve()


@pytest.mark.parametrize("inside", [".", "layers", "layers/layer-1", "layers/layer-1/a"])
def test_found_from_anywhere_inside(root: Path, inside: str) -> None:
    """A layer has a params.yaml too, but no layers/ beside it."""
    assert Project.find(root / inside) == Project(root)


def test_found_from_the_working_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "layers" / "layer-1")
    assert Project.find().root == root


def test_not_inside_a_project(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        Project.find(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.resolve()}: not inside a models repository (no params.yaml beside a layers/ folder); "
        "run the command inside the clone"
    )


def test_places() -> None:
    project = Project(Path("/p"))
    found = {
        "head": project.head,
        "inbox": project.inbox,
        "failures": project.failures,
        "store": project.store_data,
        "layer catalogue": project.layer_catalogue("l"),
        "lock": project.lock("l"),
        "layer card": project.layer_card("l"),
        "checkpoint": project.checkpoint("l", "m", "f.pth"),
        "report": project.report("l", "m"),
        "picture": project.picture("l", "m"),
        "card": project.card("l", "m"),
    }
    assert {name: project.relative(path) for name, path in found.items()} == {
        "head": "params.yaml",
        "inbox": ".dvc/tmp/downloads",
        "failures": ".dvc/tmp/failures",
        "store": ".store",
        "layer catalogue": "layers/l/params.yaml",
        "lock": "layers/l/dvc.lock",
        "layer card": "layers/l/README.md",
        "checkpoint": "layers/l/m/f.pth",
        "report": "layers/l/reports/m.json",
        "picture": "layers/l/m/sample.png",
        "card": "layers/l/m/README.md",
    }
