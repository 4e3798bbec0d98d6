"""Stages that refuse a checkpoint, without the seconds that DVC takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from restoration_models import catalogue, stages
from restoration_models.evidence import WAY_BACK
from restoration_models.failures import Failure
from restoration_models.project import Project


@contextmanager
def refusing() -> Iterator[None]:
    """While it lasts, a model's stages end as a validation that refuses it: things half done."""

    def run(project: Project, _targets: Sequence[str], *, slug: str = "") -> None:
        model = catalogue.load(project).model(slug)
        project.report(model.layer, slug).unlink(missing_ok=True)
        project.picture(model.layer, slug).unlink(missing_ok=True)
        checkpoint = project.checkpoint(model.layer, slug, model.file)
        checkpoint.parent.mkdir(exist_ok=True)
        checkpoint.write_bytes(b"refused")
        project.layer_card(model.layer).write_text("half")
        raise stages.StageFailed(slug, Failure("validate", "NaN", f"try others; {WAY_BACK}`git checkout`", 1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "run", run)
        yield
