"""Fixtures over a repository in which nothing is wrong, to be imported into a conftest."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.reviewed import Reviewed, usual
from support.servers import isolate


@pytest.fixture(autouse=True)
def alone(isolated: Path) -> None:
    """No test here sees this machine's own settings."""


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    """A repository in which nothing is wrong; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        return usual(tmp_path_factory.mktemp("clean") / "repository")


@pytest.fixture
def repository(clean: Reviewed, tmp_path: Path) -> Reviewed:
    """The same, on a branch of its own."""
    return clean.copy(tmp_path / "repository")
