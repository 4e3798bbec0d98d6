"""``models push``: DVC's own objects under DVC's own names, and never other bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import projects
from restoration_models import catalogue, lock, store
from restoration_models.push import Damaged, NotHere, push
from support.servers import Server, dvc, git, models, models_json

PARTS = 9_000_000
"""Bytes of a file that goes in two parts."""


def made(root: Path, server: Server, size: int) -> projects.Sized:
    """A repository with two models in DVC's cache, that may write to `server`."""
    repository = projects.finished(root, 2, 1, size=size)
    keys = ("--endpoint", server.endpoint, "--access-key", server.access_key, "--secret-stdin")
    done = models(root, "store", "login", *keys, stdin=server.secret_key)
    assert done.returncode == 0, done.stderr
    return repository


def names(repository: projects.Sized) -> dict[str, int]:
    """What DVC calls the checkpoints in the store, and their sizes."""
    settings = store.settings(repository.project)
    locked = lock.read(repository.project, "layer-1").values()
    return {store.object_name(settings, entry.md5): entry.size for entry in locked}


@pytest.mark.usefixtures("isolated")
def test_dvc_finds_it_done_and_pulls_it(tmp_path: Path, any_server: Server) -> None:
    repository = made(tmp_path / "project", any_server, PARTS)

    first = models_json(repository.root, "push")

    assert first == {"pushed": ["model-0", "model-1"], "bytes": 2 * PARTS, "present": 0}
    assert names(repository).items() <= store.listing(store.settings(repository.project)).items()
    assert "up to date" in dvc(repository.root, "push").stdout
    assert models_json(repository.root, "push", "model-1") == {"pushed": [], "bytes": 0, "present": 1}
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository.root), str(clone))
    shutil.copyfile(repository.root / ".dvc/config.local", clone / ".dvc/config.local")
    dvc(clone, "pull")
    for pulled in ("model-0/weights-0.pth", "model-1/weights-1.pth"):
        place = Path("layers/layer-1") / pulled
        assert (clone / place).read_bytes() == (repository.root / place).read_bytes()


@pytest.mark.parametrize("size", [PARTS + 1, 1001], ids=["parts", "whole"])
@pytest.mark.usefixtures("isolated")
def test_a_damaged_file_is_not_stored(tmp_path: Path, seaweedfs_server: Server, size: int) -> None:
    repository = made(tmp_path / "project", seaweedfs_server, size)
    place = repository.project.checkpoint("layer-1", "model-0", "weights-0.pth")
    place.chmod(0o644)  # the cache has the same file
    with place.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"damaged")

    with pytest.raises(Damaged):
        push(repository.project, catalogue.load(repository.project), ["model-0"], jobs=1, say=str)

    settings = store.settings(repository.project)
    assert not store.listing(settings).keys() & names(repository).keys()


@pytest.mark.usefixtures("isolated")
def test_what_nobody_has_is_said_before_anything_is_sent(tmp_path: Path, seaweedfs_server: Server) -> None:
    repository = made(tmp_path / "project", seaweedfs_server, 1002)
    shutil.rmtree(repository.root / ".dvc/cache")
    repository.project.checkpoint("layer-1", "model-0", "weights-0.pth").unlink()

    with pytest.raises(NotHere, match=r"^model-0: "):
        push(repository.project, catalogue.load(repository.project), jobs=1, say=str)

    assert not store.listing(store.settings(repository.project)).keys() & names(repository).keys()


@pytest.mark.usefixtures("isolated")
def test_a_lock_whose_digests_are_of_two_files_stores_nothing(
    tmp_path: Path, seaweedfs_server: Server
) -> None:
    """A lock that somebody edited: the file is the catalogue's, and the name would be another one's."""
    repository = made(tmp_path / "project", seaweedfs_server, 1003)
    entry = lock.read(repository.project, "layer-1")["model-0"]
    path = repository.project.lock("layer-1")
    path.write_text(path.read_text().replace(entry.md5, "f" * 32))

    with pytest.raises(Damaged, match=f"md5 {entry.md5}, which is not what was locked"):
        push(repository.project, catalogue.load(repository.project), ["model-0"], jobs=1, say=str)

    listed = store.listing(store.settings(repository.project))
    assert not {name for name in listed if name.endswith("f" * 30)}
