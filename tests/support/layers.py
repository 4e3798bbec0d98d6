"""A small checkout with a catalogue, a lock as DVC writes it, and reports."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from restoration_models.project import Project
from restoration_models.report import Measured, Report, Scan, Verified

REPOSITORY = Project(Path(__file__).resolve().parents[2])
"""The checkout that the tests run in, with the real catalogue."""

FAMILY: dict[str, Any] = {
    "title": "NAFNet",
    "architecture": "NAFNet",
    "paper": {"title": "Simple Baselines for Image Restoration", "venue": "ECCV 2022", "arxiv": "2204.04676"},
    "upstream": "https://github.com/megvii-research/NAFNet",
    "licence": {"spdx": "MIT", "commercial-use": "yes", "source": "https://example.org/LICENSE"},
    "head": ["ending.*"],
    "format": {"container": "torch pickle", "wrapper-key": "params"},
    "input": {"layout": "NCHW float32", "size-multiple": 16, "output": "same size"},
}
MEASURED = Measured(psnr_before=20.0, psnr_after=23.5, gain_db=3.5, ssim_before=0.5, ssim_after=0.75)


def digest(text: str) -> str:
    """A sha256 that stands for some bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def md5(content: str | bytes) -> str:
    """An md5 as DVC's lock has it."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def entry(name: str, **fields: Any) -> dict[str, Any]:
    """A catalogue entry, its fields replaced by `fields`; None takes one out."""
    data: dict[str, Any] = {
        "family": "nafnet",
        "task": "denoising-real",
        "file": f"{name}.pth",
        "size": 1_234_567,
        "sha256": digest(name),
        "sources": [f"https://example.org/{name}.pth"],
        "expects": {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 3},
    }
    data |= {key.replace("_", "-"): value for key, value in fields.items()}
    return {key: value for key, value in data.items() if value is not None}


def checkout(
    root: Path,
    models: dict[str, dict[str, Any]],
    *,
    language: str = "en",
    protocol: int = 1,
    family: dict[str, Any] | None = None,
) -> Project:
    """Write a checkout with the layers ``first`` (empty) and ``second`` (with `models`)."""
    head = {
        "validation": {"protocol": protocol},
        "language": language,
        "layers": ["first", "second"],
        "families": {"nafnet": FAMILY | (family or {})},
    }
    write(root / "params.yaml", head)
    for name, held in (("first", {}), ("second", models)):
        layer = {"title": f"The {name} layer", "purpose": "Cleans.", "publish": f"pretrained_models/{name}"}
        write(root / "layers" / name / "params.yaml", {**layer, "models": held})
    return Project(root)


def write(path: Path, data: Any) -> None:
    """Write `data` as JSON, which is YAML too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2), encoding="utf-8")


def report_of(slug: str, model: dict[str, Any], /, **fields: Any) -> Report:
    """The report of a passed validation of an entry."""
    registered = model["expects"]["architecture"] != "unregistered"
    facts: dict[str, Any] = {
        "model": slug,
        "protocol": 1,
        "task": model["task"],
        "file": model["file"],
        "size": model["size"],
        "sha256": model["sha256"],
        "md5": md5(slug),
        "scan": Scan(container="torch-zip", globals=("collections.OrderedDict",), members=12),
        "wrapper_key": model["expects"].get("wrapper-key"),
        "architecture": model["expects"]["architecture"],
        "verified": Verified(
            digests=True, scan=True, finite=True, architecture=registered, forward=registered
        ),
        "tensors": 2,
        "dtypes": {"float32": 2},
        "fingerprint": digest("weights"),
        "measured": MEASURED,
    }
    return Report(**(facts | fields))


def lock_stages(
    slug: str, model: dict[str, Any], report: bytes | None = None, *, protocol: int = 1
) -> dict[str, Any]:
    """The lock's stages of a model: its download and, where there is a report, its validation."""
    weights = {"path": f"{slug}/{model['file']}", "hash": "md5", "md5": md5(slug), "size": model["size"]}
    stages: dict[str, Any] = {
        f"download@{slug}": {"cmd": f"models download {slug} --sha256 {model['sha256']}", "outs": [weights]}
    }
    if report is not None:
        options = "".join(
            f" --{key} {item}"
            for key, value in model["expects"].items()
            for item in (value if isinstance(value, list) else [value])
        )
        stages[f"validate@{slug}"] = {
            "cmd": f"models validate {slug} --protocol {protocol} --task {model['task']}{options}",
            "deps": [weights],
            "outs": [
                {"path": f"reports/{slug}.json", "hash": "md5", "md5": md5(report), "size": len(report)},
                {"path": f"{slug}/sample.png", "hash": "md5", "md5": md5("picture"), "size": 7},
            ],
        }
    return stages


def write_lock(project: Project, stages: dict[str, Any], layer: str = "second") -> None:
    """Write a layer's lock."""
    text = yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)
    project.lock(layer).write_text(text, encoding="utf-8")


def validated(project: Project, slug: str, model: dict[str, Any], /, **fields: Any) -> dict[str, Any]:
    """Write the report of `model`, and return its locked stages."""
    report = report_of(slug, model, **fields)
    path = project.report("second", slug)
    report.write(path)
    return lock_stages(slug, model, path.read_bytes(), protocol=report.protocol)
