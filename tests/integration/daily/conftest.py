"""A repository in daily use: two layers, a model that ran, and one fine-tuned from it that was added."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restoration_models.add import Added, add
from restoration_models.newcomer import Wanted
from support import checkpoints
from support.servers import isolate, isolated
from support.workspace import Workspace, declare, stage_path

__all__ = ["isolated"]

TUNED = Wanted(
    layer="layer-2",
    base="sharpener",
    name="sharpener-receipts",
    description={"es": "Recibos: más nítidos", "en": "Sharper receipts"},
    training_data="4,000 receipts of our own",
)


@pytest.fixture(autouse=True)
def _on_path(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages call `models` by name."""
    monkeypatch.setenv("PATH", stage_path())


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small checkpoints, as upstream or a training run saves them."""
    folder = tmp_path_factory.mktemp("weights")
    checkpoints.small("nafnet", folder / "nafnet.pth", 1)
    checkpoints.small("nafnet", folder / "tuned.pth", 2)
    checkpoints.small("nafnet", folder / "third.pth", 3)
    some = {"fc.weight": torch.ones(2, 3)}
    checkpoints.save(some, folder / "unknown.pth", wrapper_key="net")
    torch.save({"params": some, "params_ema": some, "epoch": 3}, folder / "several.pth")
    return folder


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Workspace:
    """One model that ran, committed; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        patch.setenv("PATH", stage_path())
        workspace = Workspace(
            tmp_path_factory.mktemp("begun") / "workspace",
            {"layer-1": {"sharpener": declare("nafnet", weights / "nafnet.pth")}, "layer-2": {}},
        ).begin()
        # Comments and order that a person gave: an edit has to keep them.
        path = workspace.project.layer_catalogue("layer-1")
        path.write_text("# By hand.\n" + path.read_text().replace("models:\n", "models:  # ours\n", 1))
        workspace.ran()
        workspace.commit("First run")
        return workspace


@pytest.fixture(scope="session")
def grown(
    tmp_path_factory: pytest.TempPathFactory, begun: Workspace, weights: Path
) -> tuple[Workspace, Added]:
    """The same with a fine-tuned model added from a file, committed; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        patch.setenv("PATH", stage_path())
        workspace = begun.copy(tmp_path_factory.mktemp("grown") / "workspace")
        added = add(workspace.project, str(weights / "tuned.pth"), TUNED)
        workspace.commit("Add a model of our own")
        return workspace, added


@pytest.fixture
def tuned() -> Wanted:
    """What was said of the model that `grown` has added."""
    return TUNED


@pytest.fixture
def workspace(begun: Workspace, tmp_path: Path) -> Workspace:
    """One model that ran; in a folder with a space and an accent in its name."""
    return begun.copy(tmp_path / "año uno")


@pytest.fixture
def daily(grown: tuple[Workspace, Added], tmp_path: Path) -> Workspace:
    """The model that ran in layer-1, and ``sharpener-receipts`` in layer-2, fine-tuned from it."""
    return grown[0].copy(tmp_path / "año uno")
