"""``models add-layer``, besides what the README's steps show."""

from __future__ import annotations

from typing import Any

import pytest

from restoration_models import layers, stages
from restoration_models.editing import BadName, EntryRefused, NameTaken
from support.workspace import Workspace

SAID: dict[str, Any] = {"title": "A layer", "purpose": "To restore", "publish": "pretrained_models/layer-1"}


def test_a_layer_that_is_there_is_left_alone(workspace: Workspace) -> None:
    assert not layers.add_layer(workspace.project, "layer-1", **SAID).new
    with pytest.raises(layers.OtherLayer) as caught:
        layers.add_layer(workspace.project, "layer-1", **{**SAID, "purpose": "To colour"})
    assert str(caught.value) == (
        "layer-1: is a layer already, with another purpose; "
        "edit layers/layer-1/params.yaml, or choose another name"
    )
    assert workspace.status() == ""


def test_a_name_that_cannot_be_is_refused(workspace: Workspace) -> None:
    with pytest.raises(BadName):
        layers.add_layer(workspace.project, "Layer 3", **SAID)
    (workspace.project.root / "layers" / "drafts").mkdir()
    with pytest.raises(NameTaken, match="layers/drafts is there already, and is no layer"):
        layers.add_layer(workspace.project, "drafts", **SAID)


def test_a_failure_leaves_no_folder_and_no_line(workspace: Workspace) -> None:
    """A prefix that cannot be published under; a pipeline that fails."""
    for publish in ("elsewhere", "pretrained_models/../x"):
        with pytest.raises(EntryRefused, match="publish"):
            layers.add_layer(workspace.project, "layer-3", **{**SAID, "publish": publish})
    path = workspace.root / "dvc.yaml"
    path.write_text(path.read_text().replace("models readme", "models readme --nonsense"))
    workspace.commit("A pipeline that fails")
    with pytest.raises(stages.DvcFailed):
        layers.add_layer(workspace.project, "layer-3", title="es: no, en: no", purpose="All")
    assert workspace.status() == ""
    assert not workspace.project.layer("layer-3").exists()
