"""The checkout: where its files are.

Every path of the layout is derived here, so that no other module joins names by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restoration_models.errors import UsageProblem

CATALOGUE_FILE = "params.yaml"
LAYERS_FOLDER = "layers"


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout of the models repository, known by its root folder."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """Return the project that holds `start` (default: the working folder).

        Raises `UsageProblem` where no parent folder has both ``params.yaml`` and ``layers/``.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / CATALOGUE_FILE).is_file() and (folder / LAYERS_FOLDER).is_dir():
                return cls(folder)
        raise UsageProblem(
            "not inside a models repository (no params.yaml beside a layers/ folder)",
            where=str(here),
            remedy="run the command inside the clone",
        )

    @property
    def head(self) -> Path:
        """The catalogue's head: layers in order, families, validation."""
        return self.root / CATALOGUE_FILE

    @property
    def dvc_folder(self) -> Path:
        return self.root / ".dvc"

    @property
    def temporary(self) -> Path:
        """Scratch space that git and DVC ignore and that survives between runs."""
        return self.dvc_folder / "tmp"

    @property
    def inbox(self) -> Path:
        """Downloads under way and verified ones, named by sha256."""
        return self.temporary / "downloads"

    @property
    def edit(self) -> Path:
        """Notes of an edit of the catalogue that is under way or was killed, and what it set aside."""
        return self.temporary / "edit"

    @property
    def edit_journal(self) -> Path:
        """The notes themselves; they are there until the edit has ended."""
        return self.edit / "journal"

    @property
    def failures(self) -> Path:
        """Why the last run of a stage failed, a file a model: read by ``models refresh``."""
        return self.temporary / "failures"

    @property
    def store_data(self) -> Path:
        """Data and settings of the embedded store."""
        return self.root / ".store"

    def layer(self, layer: str) -> Path:
        return self.root / LAYERS_FOLDER / layer

    def layer_catalogue(self, layer: str) -> Path:
        return self.layer(layer) / CATALOGUE_FILE

    def lock(self, layer: str) -> Path:
        return self.layer(layer) / "dvc.lock"

    def layer_card(self, layer: str) -> Path:
        return self.layer(layer) / "README.md"

    def model(self, layer: str, slug: str) -> Path:
        return self.layer(layer) / slug

    def checkpoint(self, layer: str, slug: str, file: str) -> Path:
        return self.model(layer, slug) / file

    def report(self, layer: str, slug: str) -> Path:
        return self.layer(layer) / "reports" / f"{slug}.json"

    def picture(self, layer: str, slug: str) -> Path:
        return self.model(layer, slug) / "sample.png"

    def card(self, layer: str, slug: str) -> Path:
        return self.model(layer, slug) / "README.md"

    def relative(self, path: Path) -> str:
        """`path` as a person reads it: relative to the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def in_cache(cache: Path, md5: str) -> Path:
    """Where DVC keeps the file of this `md5` in its cache of files (``…/cache/files/md5``)."""
    return cache / md5[:2] / md5[2:]
