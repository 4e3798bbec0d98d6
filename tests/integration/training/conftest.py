"""Fixtures: a small real model on a shelf, and every place that it can be loaded from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from restoration_models.training.cache import VARIABLE
from support import checkpoints
from support.layers import md5
from support.library import SLUG, Library
from support.published import Shelf
from support.servers import REPOSITORY, commit, git, isolate, isolated, seaweedfs_server

__all__ = ["isolated", "seaweedfs_server"]


@pytest.fixture(autouse=True)
def cache(isolated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test here sees this machine's own settings or cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The repository; to be copied."""
    folder = tmp_path_factory.mktemp("library")
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        shelf = Shelf.begin(folder / "models")
        for layer in ("layer-1", "layer-2"):
            (shelf.root / "layers" / layer).mkdir(parents=True)
            shutil.copyfile(
                REPOSITORY / "layers/layer-1/dvc.yaml", shelf.root / "layers" / layer / "dvc.yaml"
            )
        weights = checkpoints.small("nafnet", folder / "weights.pth", 7).read_bytes()
        # No source can be asked: what is loaded comes from where the test put it.
        shelf.put(SLUG, weights, "layer-2", task="motion-deblurring", sources=["file:not/there.pth"])
        shelf.declare("dreamt-of")
        return Library(shelf.root, shelf, shelf.commit())


@pytest.fixture
def library(shelved: Library, tmp_path: Path) -> Library:
    """The repository, in a folder with a space and an accent in its name."""
    root = tmp_path / "año uno"
    shutil.copytree(shelved.root, root, symlinks=True)
    return Library(root, Shelf(root, shelved.shelf.contents, shelved.shelf.entries), shelved.commit)


@pytest.fixture
def remote(library: Library, tmp_path: Path) -> Path:
    """The repository's DVC remote, a folder that holds the weights; committed as its default."""
    folder = tmp_path / "remote"
    digest = md5(library.content)
    library.put(folder / "files/md5" / digest[:2] / digest[2:])
    config = f"[core]\n    remote = here\n    analytics = false\n['remote \"here\"']\n    url = {folder}\n"
    (library.root / ".dvc/config").write_text(config)
    commit(library.root, "A remote of its own")
    library.commit = git(library.root, "rev-parse", "HEAD").strip()
    return folder
