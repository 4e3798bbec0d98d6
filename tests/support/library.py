"""A models repository with one small real model, for the tests of loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.layers import md5
from support.published import Shelf, sha256

if TYPE_CHECKING:
    from restoration_models.project import Project

SLUG = "sharpener"


@dataclass
class Library:
    """A git repository with one small NAFNet, validated and committed; its weights are nowhere yet."""

    root: Path
    shelf: Shelf
    commit: str

    @property
    def project(self) -> Project:
        return self.shelf.project

    @property
    def content(self) -> bytes:
        return self.shelf.contents[SLUG]

    @property
    def sha256(self) -> str:
        return sha256(self.content)

    @property
    def in_place(self) -> Path:
        return self.project.checkpoint("layer-2", SLUG, f"{SLUG}.pth")

    @property
    def in_cache(self) -> Path:
        digest = md5(self.content)
        return self.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]

    def put(self, path: Path) -> Path:
        """Write the weights to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path
