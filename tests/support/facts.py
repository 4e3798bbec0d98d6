"""The facts file's part that the catalogue is made from, and what each fact becomes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "data" / "facts.yaml"
ORIGINAL = ROOT.parent / "shared" / "facts" / "checkpoints.yaml"
"""Where a developer's machine may have the file that the snapshot was taken from."""

FAMILIES = ("restormer", "nafnet", "uvdoc")
PIPELINE_TASKS = frozenset(
    {
        "denoising-real",
        "denoising-gaussian-color",
        "denoising-gaussian-gray",
        "deraining",
        "motion-deblurring",
        "deblurring-jpeg",
        "defocus-deblurring",
        "defocus-deblurring-dual-pixel",
        "document-unwarping",
    }
)
FAMILY_KEYS = (
    "title", "upstream", "role", "paper", "licence", "checkpoint_format", "arch_common", "input", "params",
    "training_data", "metrics", "mirror", "mirrors_note", "release", "wrong_claims", "uncertain",
)  # fmt: skip
CHECKPOINT_KEYS = (
    "file", "task", "urls", "mirrors", "size_bytes", "sha256", "confidence", "md5", "md5_confidence",
    "git_blob_sha1", "arch", "params", "tensors", "training_data", "evaluated_as", "metrics", "metrics_note",
    "note", "sources",
)  # fmt: skip
FIGURES = {
    "psnr": ("PSNR", "dB"),
    "ssim": ("SSIM", None),
    "mae": ("MAE", None),
    "ms_ssim": ("MS-SSIM", None),
    "ms_ssim_percent": ("MS-SSIM", "%"),
    "ad": ("AD", None),
    "cer": ("CER", None),
}


def load() -> dict[str, Any]:
    """The committed snapshot."""
    data: dict[str, Any] = yaml.safe_load(SNAPSHOT.read_text(encoding="utf-8"))
    return data


def snapshot(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of the whole facts file that the snapshot holds."""
    families = {}
    for name in FAMILIES:
        family = facts["families"][name]
        part = {key: family[key] for key in FAMILY_KEYS if key in family}
        part["checkpoints"] = [
            {key: checkpoint[key] for key in CHECKPOINT_KEYS if key in checkpoint}
            for checkpoint in family["checkpoints"]
            if _why_not(checkpoint) is None
        ]
        part["excluded"] = [
            {"file": each["file"], "task": each["task"], "why": _why_not(each)}
            for each in (*family["checkpoints"], *family["hash_unknown"])
            if _why_not(each)
        ] + [
            {"file": each["file"], "why": "TorchScript, other bytes than the checkpoint"}
            for each in family.get("torchscript_variants", {}).get("files", ())
        ]
        families[name] = part
    docunet = facts["families"]["docunet"]
    return {"families": families, "docunet": {key: docunet[key] for key in ("paper", "finding")}}


def _why_not(checkpoint: dict[str, Any]) -> str | None:
    """Why a checkpoint of the facts file is no entry of the catalogue; None where it is one."""
    for relation in ("conversion_of", "companion_of"):
        if relation in checkpoint:
            return f"{relation.replace('_', ' ')} {checkpoint[relation]}, not a checkpoint of its own"
    if checkpoint["task"] not in PIPELINE_TASKS:
        return f"{checkpoint['task']} is no task of the pipeline"
    return None if "sha256" in checkpoint else "its sha256 is unknown"


def drive(identifier: str) -> str:
    """The address of a Google Drive file."""
    return f"https://drive.google.com/uc?id={identifier}"


def sources(checkpoint: dict[str, Any]) -> list[str]:
    """The addresses of a checkpoint in the catalogue's order: upstream's, mirrors, Drive, package index."""
    urls = checkpoint["urls"]
    official = urls["official"]
    on_drive = official.startswith("https://drive.google.com/")
    found = [drive(urls["drive_file_id"]) if on_drive else official]
    found += [urls["official_branch"]] if "official_branch" in urls else []
    found += checkpoint.get("mirrors", [])
    found += [drive(urls["drive_file_id"])] if "drive_file_id" in urls and not on_drive else []
    if "pypi" in urls:
        package, _, member = urls["pypi"].removeprefix("PyPI package ").partition(", member path ")
        found.append(f"pypi:{package}/{member}")
    return found


def pages(checkpoint: dict[str, Any]) -> list[str]:
    """The addresses at which a person can fetch a checkpoint."""
    urls = checkpoint["urls"]
    official = [urls["official"]] if urls["official"].startswith("https://drive.google.com/file/") else []
    return official + [urls[key] for key in ("drive_folder", "baidu") if key in urls]


def metrics(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the facts file as the catalogue's metrics: one a figure."""
    found = []
    for row in rows:
        described = {key.replace("_", "-"): value for key, value in row.items() if key not in FIGURES}
        for key in row:
            if key in FIGURES:
                name, unit = FIGURES[key]
                figure = {**described, "metric": name, "value": row[key]}
                found.append({**figure, "unit": unit} if unit else figure)
    return found
