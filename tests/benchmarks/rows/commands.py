"""P8: how long the commands of a reviewer take. P7: what a validation costs beside torch's own work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import projects
from benchmarks.measure import Contender, race
from benchmarks.results import Line, alone, compared
from benchmarks.setting import Setting
from restoration_models import testpage
from restoration_models.tasks import Task
from support import checkpoints
from support.servers import git

BARE = Path(__file__).parents[1] / "bare.py"
OUTSIDE_TORCH = 0.3
"""Seconds that a validation may take beyond the bare script."""


def commands(setting: Setting) -> list[Line]:
    """Help, check and review."""
    models, layers = setting.sized(200, 20), setting.sized(20, 2)
    with setting.folder("commands") as folder:
        repository = projects.finished(folder / "project", models, layers)
        _change(repository)
        root = repository.root
        runs = race(
            [
                Contender("help", ["models", "--help"], root),
                Contender("check", ["models", "check", "--offline"], root),
                Contender("review", ["models", "review", "--base", "main"], root),
            ],
            setting.rounds,
            setting.log,
        )
    return [
        alone("P8", "`models --help`", runs["help"], at_most=0.15),
        alone(
            "P8", f"`models check --offline`, {models} models in {layers} layers", runs["check"], at_most=2
        ),
        alone(
            "P8",
            f"`models review --base main`, {models} models, 2 of them changed",
            runs["review"],
            at_most=2,
        ),
    ]


def _change(repository: projects.Sized) -> None:
    """A branch that changes a model's text and its published figures."""
    entries = repository.layers["layer-1"]
    for slug in list(entries)[:2]:
        entries[slug]["description"] = {"es": "Otra", "en": "Another"}
    repository.settle()
    repository.commit("Other words")
    assert git(repository.root, "diff", "--stat", "main").strip()


def validation(setting: Setting) -> list[Line]:
    """Full-size networks with random weights, beside a script that only loads and runs them."""
    lines = []
    with setting.folder("validation") as folder:
        for title, family, changes in _networks(setting):
            weights = folder / f"{title}.pth"
            if setting.quick:
                checkpoints.small(family, weights, 1)
            else:
                checkpoints.full_size(family, weights, 1, **changes)
            lines += _validate(setting, folder / f"project-{title}", title, family, weights)
    return lines


def _networks(setting: Setting) -> list[tuple[str, checkpoints.Family, dict[str, Any]]]:
    nafnet = ("NAFNet-w64", "nafnet", {"width": 64})
    restormer = ("Restormer", "restormer", {})
    return [nafnet] if setting.quick else [nafnet, restormer]  # type: ignore[list-item, return-value]


def _validate(
    setting: Setting, root: Path, title: str, family: checkpoints.Family, weights: Path
) -> list[Line]:
    size, sha256, _ = checkpoints.digests(weights)
    entry = {
        "family": family,
        "task": "denoising-real",
        "file": weights.name,
        "size": size,
        "sha256": sha256,
        "sources": [f"file:{weights}"],
        "expects": {
            "architecture": checkpoints.ARCHITECTURES[family],
            "wrapper-key": checkpoints.WRAPPER_KEYS[family],
            "input-channels": 3,
        },
    }
    repository = projects.declared(root, projects.layers_of(1, 1, lambda _: entry))
    place = repository.project.checkpoint("layer-1", "model-0", weights.name)
    place.parent.mkdir(exist_ok=True)
    place.hardlink_to(weights)
    options = ["--protocol", "1", "--task", "denoising-real"]
    for key, value in entry["expects"].items():  # type: ignore[attr-defined]
        options += [f"--{key}", str(value)]
    page = root.parent / "page.npy"
    sample = testpage.sample(Task.DENOISING_REAL)
    assert isinstance(sample, testpage.Sample)
    np.save(page, sample.degraded.transpose(2, 0, 1)[None])
    runs = race(
        [
            Contender("ours", ["models", "validate", "model-0", *options], root),
            Contender("bare", [sys.executable, str(BARE), str(weights), family, str(page)], root),
        ],
        setting.turns(3),
        setting.log,
    )
    line = compared(
        "P7", f"validate {title}, random weights", runs["ours"], "bare script", runs["bare"], at_most=1.15
    )
    more = [one.seconds - other.seconds for one, other in zip(runs["ours"], runs["bare"], strict=True)]
    beyond = sorted(more)[len(more) // 2]
    said = f"{beyond:+.2f} s (median)"
    outside = Line(
        "P7",
        f"{title}: beyond the bare script",
        said,
        "—",
        "—",
        "—",
        f"< {OUTSIDE_TORCH} s",
        beyond < OUTSIDE_TORCH,
    )
    return [line, outside]


ROWS = {"P7": validation, "P8": commands}
