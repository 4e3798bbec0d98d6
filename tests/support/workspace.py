"""A models repository of its own for a test: the project's pipeline over a catalogue made in the test."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from restoration_models.project import Project
from support import catalogue as made
from support import checkpoints
from support.servers import REPOSITORY, Server, commit, dvc, git, models

FAMILIES: dict[str, dict[str, Any]] = {
    family: {
        "title": architecture,
        "architecture": architecture,
        "paper": {"title": f"On {architecture}", "venue": "A venue"},
        "upstream": f"https://example.com/{family}",
        "licence": {"spdx": "MIT", "commercial-use": "yes"},
        "head": ["*"],
    }
    for family, architecture in checkpoints.ARCHITECTURES.items()
}
TASKS = {"restormer": "denoising-real", "nafnet": "motion-deblurring", "uvdoc": "document-unwarping"}
PIPELINE_FILES = ("dvc.yaml", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore")


def declare(family: checkpoints.Family, path: Path, *sources: str, **changes: Any) -> dict[str, Any]:
    """A catalogue entry for the checkpoint at `path`; `changes` replace fields, None takes one away."""
    size, sha256, _ = checkpoints.digests(path)
    entry: dict[str, Any] = {
        "family": family,
        "task": TASKS[family],
        "description": f"A {family}",
        "file": path.name,
        "size": size,
        "sha256": sha256,
        "sources": list(sources) or [f"file:{path}"],
        "expects": {
            "architecture": checkpoints.ARCHITECTURES[family],
            "wrapper-key": checkpoints.WRAPPER_KEYS[family],
            "input-channels": 3,
        },
    }
    entry |= {key.replace("_", "-"): value for key, value in changes.items()}
    return {key: value for key, value in entry.items() if value is not None}


@dataclass
class Workspace:
    """A git repository with the project's own pipeline files and `layers` as its catalogue."""

    root: Path
    layers: dict[str, dict[str, dict[str, Any]]]
    head: dict[str, Any] = field(default_factory=dict)
    first: set[str] = field(default_factory=set)
    """The stages that the first run ran."""

    def copy(self, root: Path) -> Workspace:
        """The same repository, with all that ran in it, at `root`."""
        shutil.copytree(self.root, root, symlinks=True)
        return replace(self, root=root, layers=copy.deepcopy(self.layers), head=copy.deepcopy(self.head))

    def begin(self) -> Workspace:
        """Make the repository, with the catalogue as its first commit."""
        self.root.mkdir(parents=True)
        for name in PIPELINE_FILES:
            target = self.root / name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target)
        self.write()
        git(self.root, "init", "--quiet", "--initial-branch=main")
        self.models("schema")
        commit(self.root, "the catalogue")
        return self

    @property
    def project(self) -> Project:
        return Project(self.root)

    def write(self) -> None:
        """Write the params files, and each layer's pipeline, as `layers` and `head` have them."""
        top = made.head(layers=list(self.layers), families=FAMILIES, **self.head)
        layers: dict[str, dict[str, Any] | str | bytes] = {
            name: made.layer(entries, publish=f"pretrained_models/{name}")
            for name, entries in self.layers.items()
        }
        made.write(self.root, top, layers)
        for name in self.layers:
            reports = self.root / "layers" / name / "reports"
            reports.mkdir(exist_ok=True)
            (reports / ".gitkeep").touch()
            shutil.copyfile(REPOSITORY / "layers/layer-1/dvc.yaml", reports.parent / "dvc.yaml")

    def models(
        self, *arguments: str, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``models``."""
        return models(self.root, *arguments, stdin=stdin, **environment)

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run DVC."""
        return dvc(self.root, *arguments, check=check)

    def ran(self, *targets: str) -> set[str]:
        """Run ``dvc repro``; the names of the stages that ran."""
        done = self.dvc("repro", *targets)
        return {
            line.split("'")[1].rpartition(":")[2]
            for line in done.stdout.splitlines()
            if line.startswith("Running stage")
        }

    def commit(self, message: str = "A change") -> None:
        """Commit everything that git does not ignore."""
        commit(self.root, message)

    def status(self) -> str:
        """What git has to say of the working tree."""
        return git(self.root, "status", "--porcelain")

    def use(self, server: Server) -> None:
        """Point this clone at `server`."""
        done = self.models(
            "store",
            "login",
            "--endpoint",
            server.endpoint,
            "--access-key",
            server.access_key,
            "--secret-stdin",
            stdin=server.secret_key,
        )
        assert done.returncode == 0, done.stderr


def stage_path() -> str:
    """A PATH on which the pipeline's stages find ``models``."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
