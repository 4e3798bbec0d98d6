"""Fixtures of the tests of what other programs get."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.servers import isolated, minio_on_path, minio_server

__all__ = ["isolated", "minio_on_path", "minio_server"]


@pytest.fixture(autouse=True)
def _alone(minio_on_path: None, isolated: Path) -> None:
    """No test here sees this machine's own settings."""
