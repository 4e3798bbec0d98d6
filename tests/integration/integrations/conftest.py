"""Fixtures of the tests of what other programs get."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.servers import isolated, minio_program, minio_server

__all__ = ["isolated", "minio_server"]


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
