"""P5: DVC with nothing to do. P6: with everything to do, by stages that cost nothing; `models refresh`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks import projects
from benchmarks.measure import Contender, Run, race, run, seconds
from benchmarks.results import Line, alone
from benchmarks.rows.store import login
from benchmarks.setting import Setting, minio
from support import checkpoints

STUB = """#!/bin/sh
# Stands for `models`: does what its stages do to files, and takes no time of its own.
slug=$2
case $1 in
download) mkdir -p "$slug" && cp "$WEIGHTS/$slug" "$slug/weights-${slug#model-}.pth" ;;
validate) echo "{}" > "reports/$slug.json" && echo "$slug" > "$slug/sample.png" ;;
readme) echo "$slug" > "layers/$slug/README.md" ;;
esac
"""


def idle(setting: Setting) -> list[Line]:
    """`dvc repro`, `dvc pull` and `models pull` where everything is there and up to date."""
    small, large = setting.sized(200, 10), setting.sized(1000, 20)
    found: dict[int, dict[str, list[Run]]] = {}
    for models in (small, large):
        # `dvc pull` asks for the bucket even where it has nothing to bring.
        with setting.folder("idle") as folder, minio(folder / "minio") as server:
            root = projects.finished(folder / "project", models, max(1, models // 10)).root
            login(root, server)
            contenders = [
                Contender("repro", ["dvc", "repro", "--quiet"], root),
                Contender("pull", ["dvc", "pull", "--quiet", "--allow-missing"], root),
                Contender("models", ["models", "pull"], root),
                Contender("layer", ["dvc", "pull", "--quiet", "layers/layer-1/dvc.yaml"], root),
            ]
            for contender in contenders:
                run(contender, setting.log)  # DVC notes what it has hashed
            rounds = setting.rounds if models == small else setting.turns(2)
            found[models] = race(contenders, rounds, setting.log)
    lines = []
    goals = {"repro": 2.5, "models": 1.5, "pull": 1.5, "layer": None}
    titles = {
        "repro": "`dvc repro`, nothing changed",
        "models": "`models pull`, nothing to do",
        "pull": "`dvc pull`, nothing to do",
        "layer": "`dvc pull` of one layer, nothing to do",
    }
    for name, goal in goals.items():
        few, many = found[small][name], found[large][name]
        lines.append(
            alone("P5", f"{titles[name]}, {small} models in {small // 10} layers", few, at_most=goal)
        )
        bound = None if goal is None else goal * large / small
        lines.append(
            alone("P5", f"{titles[name]}, {large} in {large // 10}{_growth(few, many)}", many, at_most=bound)
        )
    return lines


def cold(setting: Setting) -> list[Line]:
    """Everything to be downloaded, validated and documented."""
    small, large = setting.sized(200, 10), setting.sized(1000, 20)
    runs: dict[int, list[Run]] = {}
    lines = []
    for models in (small, large):
        rounds = setting.turns(2) if models == small else 1
        runs[models] = [_stubbed(setting, models) for _ in range(rounds)]
        growth = _growth(runs[small], runs[models]) if models == large else ""
        work = f"cold `dvc repro`, stages that cost nothing, {models} models{growth}"
        lines.append(alone("P6", work, runs[models], at_most=20 * models / small))
    refreshed = [_refreshed(setting, small) for _ in range(setting.turns(2))]
    work = f"`models refresh`, {small} small safetensors files, unregistered, from files"
    lines.append(alone("P6", work, refreshed, at_most=10))
    return lines


def _stubbed(setting: Setting, models: int) -> Run:
    with setting.folder("cold") as folder:
        programs = folder / "bin"
        programs.mkdir()
        (programs / "models").write_text(STUB)
        (programs / "models").chmod(0o755)
        weights = folder / "weights"
        weights.mkdir()

        def describe(number: int) -> dict[str, Any]:
            (weights / f"model-{number}").write_bytes(projects.weights(number, 64))
            name = f"weights-{number}.pth"
            sha256 = projects.facts(number, 64)["sha256"]
            return {"file": name, "size": 64, "sha256": sha256, "sources": [f"https://example.org/{name}"]}

        layers = max(1, models // 10)
        root = projects.declared(folder / "project", projects.layers_of(models, layers, describe)).root
        command = ["sh", "-c", f'PATH="{programs}:$PATH" WEIGHTS="{weights}" exec dvc repro --quiet']
        return run(Contender("dvc repro", command, root, after=lambda: _complete(root, models)), setting.log)


def _refreshed(setting: Setting, models: int) -> Run:
    with setting.folder("refreshed") as folder:
        root = tiny(folder, models, max(1, models // 10))
        command = ["models", "refresh"]
        return run(
            Contender("models refresh", command, root, after=lambda: _complete(root, models)), setting.log
        )


def tiny(folder: Path, models: int, layers: int) -> Path:
    """A repository of the smallest checkpoints that are real ones; nothing of it ran."""
    import torch

    upstream = folder / "upstream"
    upstream.mkdir()

    def describe(number: int) -> dict[str, Any]:
        path = upstream / f"weights-{number}.safetensors"
        checkpoints.save({"weight": torch.full((4,), float(number))}, path, container="safetensors")
        size, sha256, _ = checkpoints.digests(path)
        return {
            "task": "denoising-real",
            "file": path.name,
            "size": size,
            "sha256": sha256,
            "sources": [f"file:{path}"],
            "expects": {"architecture": "unregistered"},
        }

    return projects.declared(folder / "project", projects.layers_of(models, layers, describe)).root


def _complete(root: Path, models: int) -> None:
    there = len([*root.glob("layers/*/reports/*.json")])
    locks = sum(path.read_text().count("validate@") for path in root.glob("layers/*/dvc.lock"))
    assert there == locks == models, f"{there} reports, {locks} locked validations, {models} models"
    shutil.rmtree(root / ".dvc" / "cache", ignore_errors=True)


def _growth(few: list[Run], many: list[Run]) -> str:
    factor = seconds(many).median / seconds(few).median
    return f" ({factor:.1f} times as long)"


ROWS = {"P5": idle, "P6": cold}
