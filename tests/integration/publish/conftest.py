"""Fixtures of the tests of publishing: real servers, a bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.published import Shelf, Shop, shop
from support.servers import Server, any_server, isolated, minio_on_path, minio_server, seaweedfs_server

__all__ = ["any_server", "isolated", "minio_on_path", "minio_server", "seaweedfs_server"]


@pytest.fixture(autouse=True)
def _alone(minio_on_path: None, isolated: Path) -> None:
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
