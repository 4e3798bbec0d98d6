"""Fixtures of the tests of faults: real servers, a bucket for each test, disks of their own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.bench import Bench
from faults.scenes import again
from support.origin import Origin
from support.published import Shelf, Shop, shop
from support.servers import (
    Server,
    any_server,
    isolate,
    isolated,
    minio_on_path,
    minio_server,
    seaweedfs_server,
)
from support.workspace import stage_path

__all__ = ["any_server", "isolated", "minio_on_path", "minio_server", "seaweedfs_server"]


@pytest.fixture(autouse=True)
def _alone(minio_on_path: None, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here sees this machine's own settings; stages find ``models``."""
    monkeypatch.setenv("PATH", stage_path())


@pytest.fixture
def bucket(any_server: Server) -> Iterator[Shop]:
    """A bucket with versions, on each server in turn."""
    with shop(any_server) as made:
        yield made


@pytest.fixture
def on_minio(minio_server: Server) -> Iterator[Shop]:
    """A bucket with versions on real MinIO."""
    with shop(minio_server) as made:
        yield made


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Three models in the lock, their bytes nowhere yet; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        shelf = Shelf.begin(tmp_path_factory.mktemp("stocked") / "shelf")
        for number, slug in enumerate(("cleaner", "sharpener", "flattener")):
            shelf.put(slug, slug.encode() * (200_000 + number), "layer-2" if number else "layer-1")
        shelf.commit()
        return shelf


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """What commands are killed on."""
    server = request.getfixturevalue("minio_server") if shutil.which("minio") else None
    with pytest.MonkeyPatch.context() as patch, Origin() as origin:
        isolate(tmp_path_factory.mktemp("home"), patch)
        patch.setenv("PATH", stage_path())
        yield Bench(tmp_path_factory.mktemp("bench"), origin, server)


@pytest.fixture
def shelf(stocked: Shelf, tmp_path: Path) -> Shelf:
    """The same, in a folder with a space and an accent in its name."""
    return again(stocked, tmp_path / "año uno")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Disks of a size of one's own; skipped where this user may not mount one."""
    mounted: list[Path] = []

    def make(size: str) -> Path:
        place = tmp_path / f"disco {len(mounted)} ñ"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk of its own for this test: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
