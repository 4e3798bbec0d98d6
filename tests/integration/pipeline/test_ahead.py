"""Many models done in one process: as DVC would leave it, and nothing that is not the project's own."""

from __future__ import annotations

import pytest

from restoration_models import ahead, catalogue, lock
from support.workspace import Workspace


def test_a_stage_that_is_not_the_projects_own_is_left_to_dvc(workspace: Workspace) -> None:
    pipeline = workspace.root / "layers/layer-1/dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("cmd: models validate", "cmd: echo models validate"))
    said: list[str] = []

    ahead.run(workspace.project, said.append)

    assert [line.partition(":")[0] for line in said] == ["sharpener"]
    assert lock.read(workspace.project, "layer-1") == {}
    assert lock.read(workspace.project, "layer-2")["sharpener"].validated is not None
    left = ahead.wanting(workspace.project, catalogue.load(workspace.project))
    assert [model.slug for model in left] == ["cleaner"]


def test_what_is_not_recorded_yet_keeps_its_place_in_the_inbox(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC deletes a checkpoint that its lock does not know before it runs the stage."""

    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(ahead, "_record", killed)
    with pytest.raises(SystemExit):
        ahead.run(workspace.project, lambda _: None)

    entry = workspace.layers["layer-2"]["sharpener"]
    assert (workspace.project.inbox / entry["sha256"]).stat().st_size == entry["size"]
