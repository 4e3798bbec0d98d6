"""A git repository in which `models check` finds nothing, though nothing was ever run in it.

Locks, reports, pictures and cards are written as a run would leave them, so that a test of the check
or the review needs neither torch nor DVC's stages.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from restoration_models import cards, catalogue, schemas
from restoration_models.project import Project
from restoration_models.report import Report
from support import catalogue as made
from support.layers import FAMILY, digest, md5, report_of
from support.servers import REPOSITORY, commit, git
from support.workspace import PIPELINE_FILES


def entry(slug: str, **fields: Any) -> dict[str, Any]:
    """A catalogue entry; None takes a field out."""
    data: dict[str, Any] = {
        "family": "nafnet",
        "task": "denoising-real",
        "description": {"es": f"El modelo {slug}", "en": f"The model {slug}"},
        "file": f"{slug}.pth",
        "size": 1_234_567,
        "sha256": digest(slug),
        "sources": [f"https://example.org/{slug}.pth"],
        "expects": {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 3},
    }
    data |= {key.replace("_", "-"): value for key, value in fields.items()}
    return {key: value for key, value in data.items() if value is not None}


def picture(shade: int) -> bytes:
    """A small grey PNG."""
    width, height = 60, 20

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade % 256]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@dataclass
class Reviewed:
    """The repository, and its catalogue as a test changes it."""

    root: Path
    layers: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    """Models that were never run."""
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of a model's report that are not as usual."""
    head: dict[str, Any] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        return Project(self.root)

    def begin(self) -> Reviewed:
        """Make the repository with its first commit on main, and a branch to change it on."""
        self.root.mkdir(parents=True)
        for name in PIPELINE_FILES:
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(REPOSITORY / name, self.root / name)
        git(self.root, "init", "--quiet", "--initial-branch=main")
        self.settle()
        self.commit("The catalogue")
        git(self.root, "switch", "--quiet", "--create", "change")
        return self

    def copy(self, root: Path) -> Reviewed:
        """The same repository at `root`."""
        shutil.copytree(self.root, root, symlinks=True)
        fields = (copy.deepcopy(each) for each in (self.layers, self.declared, self.reports, self.head))
        return Reviewed(root, *fields)

    def commit(self, message: str = "A change") -> None:
        """Commit everything."""
        commit(self.root, message)

    def remove(self, slug: str, layer: str = "layer-1") -> None:
        """Take a model out of the catalogue, with its files."""
        del self.layers[layer][slug]
        self.project.report(layer, slug).unlink(missing_ok=True)
        shutil.rmtree(self.project.model(layer, slug), ignore_errors=True)

    def settle(self) -> None:
        """Write everything as a run would leave it for the catalogue as it is now."""
        self.declare()
        schemas.write(self.project)
        for layer, models in self.layers.items():
            stages: dict[str, Any] = {}
            for slug, model in models.items():
                if slug not in self.declared:
                    stages |= self.run(layer, slug, model)
            if stages:
                self.lock(self.project.lock(layer), stages)
            else:
                self.project.lock(layer).unlink(missing_ok=True)
        loaded = catalogue.load(self.project)
        for layer in self.layers:
            cards.write_layer(self.project, loaded, layer)
        self.lock(self.root / "dvc.lock", {f"cards@{layer}": self.cards(layer) for layer in self.layers})

    def declare(self) -> None:
        """Write the params files, and nothing that follows from them."""
        top = made.head(layers=list(self.layers), families={"nafnet": FAMILY}, **self.head)
        layers: dict[str, dict[str, Any] | str | bytes] = {
            name: made.layer(models, publish=f"pretrained_models/{name}")
            for name, models in self.layers.items()
        }
        made.write(self.root, top, layers)
        for name in self.layers:
            reports = self.root / "layers" / name / "reports"
            reports.mkdir(exist_ok=True)
            (reports / ".gitkeep").touch()
            shutil.copyfile(REPOSITORY / "layers/layer-1/dvc.yaml", reports.parent / "dvc.yaml")

    def run(self, layer: str, slug: str, model: dict[str, Any]) -> dict[str, Any]:
        """Write what a model's stages leave; return their lock entries."""
        protocol = self.head.get("validation", {"protocol": 1})["protocol"]
        facts = {"protocol": protocol, "md5": md5(model["sha256"]), "fingerprint": digest(model["sha256"])}
        report: Report = report_of(slug, model, **(facts | self.reports.get(slug, {})))
        path = self.project.report(layer, slug)
        report.write(path)
        sample = self.project.picture(layer, slug)
        sample.parent.mkdir(exist_ok=True)
        sample.write_bytes(picture(int(model["sha256"][:2], 16)))
        weights = _facts(f"{slug}/{model['file']}", md5(model["sha256"]), model["size"])
        options = "".join(
            f" --{key} {item}"
            for key, value in model["expects"].items()
            for item in (value if isinstance(value, list) else [value])
        )
        return {
            f"download@{slug}": {
                "cmd": f"models download {slug} --sha256 {model['sha256']}",
                "outs": [weights],
            },
            f"validate@{slug}": {
                "cmd": f"models validate {slug} --protocol {protocol} --task {model['task']}{options}",
                "deps": [weights],
                "outs": [_locked(path, f"reports/{slug}.json"), _locked(sample, f"{slug}/sample.png")],
            },
        }

    def cards(self, layer: str) -> dict[str, Any]:
        """The lock entry of a layer's cards."""
        reports = self.project.layer(layer) / "reports"
        listed = [
            {"md5": md5(path.read_bytes()), "relpath": path.name}
            for path in sorted(reports.iterdir(), key=lambda path: path.name)
        ]
        folder = hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        size = sum(path.stat().st_size for path in reports.iterdir())
        params, card = f"layers/{layer}/params.yaml", f"layers/{layer}/README.md"
        return {
            "cmd": f"models readme {layer}",
            "deps": [
                _locked(self.root / params, params),
                {
                    "path": f"layers/{layer}/reports",
                    "hash": "md5",
                    "md5": f"{folder}.dir",
                    "size": size,
                    "nfiles": len(listed),
                },
                _locked(self.root / "params.yaml", "params.yaml"),
            ],
            "outs": [_locked(self.root / card, card)],
        }

    @staticmethod
    def lock(path: Path, stages: dict[str, Any]) -> None:
        """Write a lock."""
        data = {"schema": "2.0", "stages": stages}
        path.write_text(yaml.safe_dump(data, sort_keys=False, width=10_000), encoding="utf-8")


def usual(root: Path) -> Reviewed:
    """Two layers, four models; one of them declared and nothing more."""
    return Reviewed(
        root,
        {
            "layer-1": {slug: entry(slug) for slug in ("cleaner", "dryer", "someday")},
            "layer-2": {"sharpener": entry("sharpener")},
        },
        {"someday"},
    ).begin()


def _locked(path: Path, name: str) -> dict[str, Any]:
    content = path.read_bytes()
    return _facts(name, md5(content), len(content))


def _facts(name: str, digest: str, size: int) -> dict[str, Any]:
    return {"path": name, "hash": "md5", "md5": digest, "size": size}
