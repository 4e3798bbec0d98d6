"""Fixtures of the tests of the catalogue page: one browser, the real catalogue's page and a made one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from restoration_models import catalogue, site
from restoration_models.project import Project
from support.browser import Visit, chromium
from support.gallery import gallery
from support.layers import REPOSITORY

__all__ = ["chromium"]

FEW, MANY = 24, 200


def written(project: Project, folder: Path) -> Path:
    """The page of `project` in `folder`; its document."""
    site.write(site.make(project, catalogue.load(project)), folder)
    return folder / site.PAGE


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of this repository's own catalogue."""
    return written(REPOSITORY, tmp_path_factory.mktemp("real") / "página 1")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a catalogue of 200 models in every state."""
    root = tmp_path_factory.mktemp("made")
    return written(gallery(root / "project", MANY), root / "page")


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small one like it."""
    root = tmp_path_factory.mktemp("few")
    return written(gallery(root / "project", FEW), root / "page")


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open an address of the page; afterwards: no complaint, no dialog, nothing asked of another place."""
    visits: list[tuple[Visit, str]] = []

    def go(page: Path | str, hash_: str = "", **options: Any) -> Any:
        address = page if isinstance(page, str) else page.as_uri()
        one = Visit(chromium, **options)
        visits.append((one, address.rpartition("/")[0] + "/"))
        return one.open(f"{address}#{hash_}" if hash_ else address)

    yield go
    seen = [(one.complaints, one.dialogs, [url for url in one.requests if not url.startswith(home)])
            for one, home in visits]  # fmt: skip
    for one, _ in visits:
        one.close()
    assert seen == [([], [], [])] * len(visits)
