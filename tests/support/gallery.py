"""A made catalogue of many models in every state, with pictures, for the catalogue page."""

from __future__ import annotations

import base64
import copy
import json
import re
import zlib
from pathlib import Path
from typing import Any

from restoration_models.project import Project
from restoration_models.report import Measured
from restoration_models.tasks import Task
from support import catalogue as made
from support.layers import FAMILY, REPOSITORY, digest, lock_stages, md5, report_of, write_lock

FAMILIES = {
    "nafnet": ("NAFNet", "MIT", "yes"),
    "restormer": ("Restormer", "NOASSERTION", "unclear"),
    "uvdoc": ("UVDoc", "CC-BY-NC-4.0", "no"),
}
TASKS = (
    "denoising-real", "deraining", "motion-deblurring", "defocus-deblurring", "document-unwarping",
)  # fmt: skip
STATES = ("validated", "validated", "locked", "declared")
LAYERS = ("layer-1", "layer-2", "layer-3", "layer-4")
WORDS = {
    "es": "Limpia la página de ruido y de manchas, y deja la letra como estaba. Número {number}.",
    "en": "Cleans the page of noise and stains, and leaves the letters as they were. Number {number}.",
}


def data_of(document: str) -> dict[str, Any]:
    """What a page's document holds, its models by their keys."""
    (text,) = re.findall(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', document)
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    rows = found["models"]
    found["models"] = [
        {key: value for key, value in zip(found["keys"], row, strict=True) if value is not None}
        for row in rows
    ]
    return found


def pictures() -> dict[str, bytes]:
    """A sample picture of each layout: the real one of unwarping, and one drawn here."""
    from restoration_models.testpage import picture, sample

    noisy = sample(Task.DENOISING_REAL)
    assert hasattr(noisy, "truth")
    return {
        "folio": REPOSITORY.picture("layer-2", "uvdoc").read_bytes(),
        "card": picture(noisy, noisy.truth),
    }


def gallery(root: Path, count: int) -> Project:
    """`count` models over four layers; validated ones have a report and a picture."""
    root.mkdir(parents=True, exist_ok=True)
    families = {
        key: {**copy.deepcopy(FAMILY), "title": title, "licence": {"spdx": spdx, "commercial-use": use}}
        for key, (title, spdx, use) in FAMILIES.items()
    }
    entries: dict[str, dict[str, Any]] = {layer: {} for layer in LAYERS}
    for number in range(count):
        slug = f"model-{number:03d}"
        entries[LAYERS[number * len(LAYERS) // count]][slug] = _entry(number, slug)
    layers: dict[str, Any] = {
        name: made.layer(
            models,
            title={"es": f"Capa {index}", "en": f"Layer {index}"},
            publish=f"pretrained_models/{name.replace('-', '_')}",
        )
        for index, (name, models) in enumerate(entries.items(), start=1)
    }
    project = made.write(root, made.head(layers=list(LAYERS), families=families), layers)
    drawn = pictures()
    for name, models in entries.items():
        stages: dict[str, Any] = {}
        for slug, entry in models.items():
            stages |= _run(project, name, slug, entry, drawn)
        write_lock(project, stages, name)
    return project


def _entry(number: int, slug: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "family": list(FAMILIES)[number % len(FAMILIES)],
        "task": TASKS[number % len(TASKS)],
        "description": {language: text.format(number=number) for language, text in WORDS.items()},
        "file": f"{slug}.pth",
        "size": 1_000_000 * (1 + number * 37 % 400),
        "sha256": digest(slug),
        "sources": [f"https://example.org/{slug}.pth", f"https://example.com/mirror/{slug}.pth"],
        "expects": {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 3},
        "parameters": 17_000_000 + number,
        "training-data": "4,000 scanned pages",
    }
    reported = {"dataset": "SIDD", "metric": "PSNR", "value": 30.0 + number / 100, "unit": "dB"}
    entry["metrics"] = [reported | {"source": "paper"}]
    if number % 25 == 7:
        entry["base"] = f"model-{number - 1:03d}"
    if number % 40 == 13:
        entry["withdrawn"] = {"es": "Borra los sellos.", "en": "It wipes out stamps."}
    return entry


def _run(
    project: Project, layer: str, slug: str, entry: dict[str, Any], drawn: dict[str, bytes]
) -> dict[str, Any]:
    """The lock's stages of a model, and the files that they left."""
    number = int(slug.rpartition("-")[2])
    state = STATES[number % len(STATES)]
    if state == "declared":
        return {}
    if state == "locked":
        return lock_stages(slug, entry)
    gain = round(1 + number * 7 % 90 / 10, 2)
    figures: dict[str, Any] = {"psnr_before": 20.0, "psnr_after": 20.0 + gain, "gain_db": gain}
    figures |= {"ssim_before": 0.5, "ssim_after": 0.75}
    unwarps = entry["task"] == "document-unwarping"
    if unwarps:
        figures |= {"grid_error_before": 56.74, "grid_error_after": 4.58 + number % 7, "grid_marks_found": 45}
    report = report_of(slug, entry, measured=Measured(**figures))
    report.write(project.report(layer, slug))
    picture = drawn["folio" if unwarps else "card"]
    place = project.picture(layer, slug)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(picture)
    stages = lock_stages(slug, entry, project.report(layer, slug).read_bytes())
    stages[f"validate@{slug}"]["outs"][1] |= {"md5": md5(picture), "size": len(picture)}
    return stages
