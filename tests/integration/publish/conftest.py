"""Fixtures of the tests of publishing: real servers, a bucket for each test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.published import Shelf, Shop, shop
from support.servers import Server, any_server, isolated, minio_program, minio_server, seaweedfs_server

__all__ = ["any_server", "isolated", "minio_server", "seaweedfs_server"]


@pytest.fixture(scope="session", autouse=True)
def _program() -> Iterator[None]:
    """Find or build MinIO while home is still this machine's, and keep it on PATH."""
    program = None
    with suppress(subprocess.SubprocessError, OSError):
        program = minio_program()
    with pytest.MonkeyPatch.context() as patch:
        if program:
            patch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True)
def _alone(_program: None, isolated: Path) -> None:
    """No test here sees this machine's own settings."""


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


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Three models in two layers, one with an alias, one declared only; committed."""
    shelf = Shelf.begin(tmp_path / "año uno")
    shelf.put("cleaner", b"weights of cleaner", aliases=["pretrained_models/layer_1/old/cleaner.pth"])
    shelf.put("sharpener", b"weights of sharpener" * 1000, "layer-2", task="motion-deblurring")
    shelf.declare("dreamt-of")
    shelf.commit()
    return shelf
