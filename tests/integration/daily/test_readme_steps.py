"""What the README says about adding a layer and an architecture, done exactly so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from restoration_models import catalogue
from support import checkpoints, readme
from support.servers import git
from support.workspace import Workspace


def test_add_a_layer(workspace: Workspace, weights: Path, tmp_path: Path) -> None:
    """A working layer-3: declared, run, checked, committed and pushed; a clone pulls its model."""
    store = tmp_path / "store"
    workspace.dvc("remote", "add", "--local", "--default", "scratch", str(store))

    printed = readme.follow(readme.section("Add a layer"), workspace.root, FILE=str(weights / "third.pth"))

    assert "no problem found" in printed
    assert workspace.status() == ""
    assert workspace.ran() == set()
    loaded = catalogue.load(workspace.project)
    assert [layer.slug for layer in loaded.layers] == ["layer-1", "layer-2", "layer-3"]
    (model,) = loaded.layer("layer-3").models
    assert loaded.published_name(model) == "pretrained_models/layer_3/nafnet/third.pth"
    first, third = (workspace.project.layer(name) / "dvc.yaml" for name in ("layer-1", "layer-3"))
    assert third.read_bytes() == first.read_bytes()
    assert f"{model.slug}/sample.png" in workspace.project.layer_card("layer-3").read_text()
    clone = workspace.copy(tmp_path / "clone")
    shutil.rmtree(clone.root)
    git(tmp_path, "clone", "--quiet", str(workspace.root), str(clone.root))
    clone.dvc("remote", "add", "--local", "--default", "scratch", str(store))
    clone.dvc("pull", "layers/layer-3/dvc.yaml")
    pulled = clone.project.checkpoint("layer-3", model.slug, model.file)
    assert pulled.read_bytes() == (weights / "third.pth").read_bytes()


def test_add_an_architecture(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoints are recognised, loaded strictly and run."""
    scripts = workspace.root / "scripts"
    shutil.copytree(
        readme.REPOSITORY / "scripts", scripts, ignore=shutil.ignore_patterns("__pycache__", "*.sh")
    )
    monkeypatch.setenv("PYTHONPATH", str(scripts))
    state = {"mix.weight": torch.eye(3).reshape(3, 3, 1, 1), "mix.bias": torch.zeros(3)}
    path = checkpoints.save(state, tmp_path / "tone.pth")

    printed = readme.follow(readme.section("Add an architecture"), workspace.root, FILE=str(path))

    assert "tone-first is in layer-1: tone.pth" in printed
    assert "no problem found" in printed
    report = json.loads(workspace.project.report("layer-1", "tone-first").read_text())
    assert (report["architecture"], report["input-channels"], report["parameters"]) == ("Tone", 3, 12)
    assert report["verified"]["forward"] is True
    assert report["measured"]["gain-db"] == 0
