"""What every row is given: where to work, how large, how often."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from restoration_models import store
from restoration_models.store.servers import Kind
from support.servers import Server, isolate, require_minio, running

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A run of the benchmarks."""

    scratch: Path
    """A folder on the disk that is measured."""
    quick: bool
    """Small sizes, one round: shows that the benchmarks work, and nothing else."""
    rounds: int

    @property
    def log(self) -> Path:
        """Where the output of the command goes that runs now."""
        return self.scratch / "last.log"

    def sized(self, full: int, quick: int) -> int:
        """A size, or the small one."""
        return quick if self.quick else full

    def turns(self, most: int) -> int:
        """Rounds of a row that takes long."""
        return min(self.rounds, most)

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """An empty folder that ends with the context."""
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """With an empty home: neither this user's DVC and git settings nor what Python left there take part."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(folder, patch)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@contextlib.contextmanager
def minio(folder: Path) -> Iterator[Server]:
    """Real MinIO with an empty, versioned bucket ``models``."""
    program = require_minio()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
        with contextlib.contextmanager(running)(Kind.MINIO, folder) as server:
            store.client(server.settings()).set_bucket_versioning("models", VersioningConfig(ENABLED))
            yield server
