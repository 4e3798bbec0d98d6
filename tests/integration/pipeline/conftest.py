"""Fixtures of the pipeline's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import checkpoints
from support.servers import any_server, isolate, isolated, minio_server, seaweedfs_server
from support.workspace import Workspace, declare, stage_path

__all__ = ["any_server", "isolated", "minio_server", "seaweedfs_server"]


@pytest.fixture(autouse=True)
def _on_path(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages call `models` by name."""
    monkeypatch.setenv("PATH", stage_path())


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small checkpoints as their upstream saves them."""
    folder = tmp_path_factory.mktemp("upstream")
    checkpoints.small("restormer", folder / "restormer.pth", 1)
    checkpoints.small("restormer", folder / "restormer-next.pth", 2)
    checkpoints.small("nafnet", folder / "nafnet.pth", 3)
    checkpoints.small("nafnet", folder / "nafnet-next.pth", 4)
    return folder


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory, upstream: Path) -> Workspace:
    """Two layers, two models, nothing run; to be copied."""
    folder = tmp_path_factory.mktemp("declared")
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        return Workspace(
            folder / "workspace",
            {
                "layer-1": {"cleaner": declare("restormer", upstream / "restormer.pth")},
                "layer-2": {"sharpener": declare("nafnet", upstream / "nafnet.pth")},
            },
        ).begin()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, declared: Workspace) -> Workspace:
    """The same after a first `dvc repro`, committed; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        patch.setenv("PATH", stage_path())
        workspace = declared.copy(tmp_path_factory.mktemp("finished") / "workspace")
        workspace.first = workspace.ran()
        workspace.commit("First run")
        return workspace


@pytest.fixture
def workspace(declared: Workspace, tmp_path: Path) -> Workspace:
    """Two layers, two models, nothing run yet; in a folder with a space and an accent in its name."""
    return declared.copy(tmp_path / "año uno")


@pytest.fixture
def done(finished: Workspace, tmp_path: Path) -> Workspace:
    """The workspace after a first run, committed."""
    return finished.copy(tmp_path / "año uno")
