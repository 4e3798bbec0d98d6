"""Validating a model of the project: where its checkpoint lies, where its evidence goes."""

from __future__ import annotations

import json

from restoration_models.catalogue import Catalogue, Model
from restoration_models.download.place import move
from restoration_models.errors import ModelProblem
from restoration_models.project import Project
from restoration_models.report import Report
from restoration_models.validate import Outcome, validate

TOLERANCES = {"ssim": 0.0025}
"""Two machines' figures agree within this: a step or two of their rounding, by the name's first word."""
TOLERANCE = 0.025
"""The same for figures in dB and pixels."""
WAY_BACK = "to go back: "
"""What begins the end of a remedy that a command which puts all back itself leaves out."""


class CheckpointMissing(ModelProblem):
    """The checkpoint is not in the workspace."""

    def __init__(self, slug: str, place: str) -> None:
        super().__init__(
            "the checkpoint is not here",
            where=place,
            remedy=f"`dvc pull {place}` brings it, or `models download {slug}`",
        )


class ReportMissing(ModelProblem):
    """There is no committed report to compare with."""

    def __init__(self, place: str) -> None:
        super().__init__("there is no report to compare with", where=place, remedy="run `dvc repro`")


class ReportDiffers(ModelProblem):
    """This machine finds something else than the committed report says."""

    def __init__(self, place: str, differences: list[str]) -> None:
        super().__init__(
            f"this machine finds something else: {'; '.join(differences)}",
            where=place,
            remedy="validate the model again with `dvc repro --force`, and review the difference",
        )


def make(project: Project, catalogue: Catalogue, model: Model) -> Report:
    """Validate `model`'s checkpoint, write its report and picture, return the report.

    Raises what `validate` raises, and then writes nothing. A checkpoint that was refused does not
    stay under its name, where it would be loaded: it goes to the inbox, where the next run finds it.
    """
    try:
        outcome = validated(project, catalogue, model)
    except ModelProblem as error:
        checkpoint = project.checkpoint(model.layer, model.slug, model.file)
        if checkpoint.is_file():
            move(checkpoint, project.inbox / model.sha256)
            # A rename between two names of one file does nothing.
            checkpoint.unlink(missing_ok=True)
        # DVC has deleted the former report and picture by now.
        folder = project.relative(project.layer(model.layer))
        way_back = f"{WAY_BACK}`git checkout -- {folder}`, then `dvc checkout --allow-missing`"
        error.remedy = f"{error.remedy}; {way_back}" if error.remedy else way_back
        raise
    outcome.write(
        report=project.report(model.layer, model.slug), picture=project.picture(model.layer, model.slug)
    )
    return outcome.report


def prove(project: Project, catalogue: Catalogue, model: Model) -> Report:
    """Validate `model`'s checkpoint and compare with its committed report; writes nothing.

    Raises what `validate` raises, `ReportMissing` and `ReportDiffers`.
    """
    path = project.report(model.layer, model.slug)
    if not path.is_file():
        raise ReportMissing(project.relative(path))
    committed = Report.read(path)
    found = validated(project, catalogue, model).report
    differences = _differences(committed, found)
    if differences:
        raise ReportDiffers(project.relative(path), differences)
    return found


def validated(project: Project, catalogue: Catalogue, model: Model) -> Outcome:
    """The outcome of validating `model`'s checkpoint where it lies; writes nothing.

    Raises `CheckpointMissing` and what `validate` raises.
    """
    checkpoint = project.checkpoint(model.layer, model.slug, model.file)
    if not checkpoint.is_file():
        raise CheckpointMissing(model.slug, project.relative(checkpoint))
    return validate(model, checkpoint, protocol=catalogue.protocol)


def summary(report: Report) -> str:
    """One line on what a validation proved and measured."""
    proved = [name for name, value in report.verified.model_dump().items() if value]
    text = f"{report.model}: {report.architecture}, {report.tensors} tensors; proved: {', '.join(proved)}"
    figures = report.measured
    if figures is None:
        return f"{text}; not measured: {report.not_measured}"
    text += f"; PSNR {figures.psnr_before} -> {figures.psnr_after} dB"
    if figures.grid_error_before is not None:
        text += f"; grid error {figures.grid_error_before} -> {figures.grid_error_after} px"
    return text


def worse(report: Report) -> tuple[str, ...]:
    """What is worse on the test page after the model than before, each a sentence; mostly nothing."""
    figures, found = report.measured, []
    if figures is not None and figures.gain_db < 0:
        change = f"PSNR {figures.psnr_before} -> {figures.psnr_after} dB"
        found.append(f"the model makes the test page worse: {change} (gain {figures.gain_db} dB)")
    if figures is not None and (figures.grid_error_after or 0) > (figures.grid_error_before or 0):
        change = f"grid error {figures.grid_error_before} -> {figures.grid_error_after} px"
        found.append(f"the model bends the test page more: {change}")
    return tuple(found)


def _differences(committed: Report, found: Report) -> list[str]:
    """The fields in which two reports differ, as ``key: committed, found here``."""
    left, right = (_flat(json.loads(report.to_json())) for report in (committed, found))
    return [
        f"{key} was {left.get(key, 'absent')}, is {right.get(key, 'absent')}"
        for key in sorted(left.keys() | right.keys())
        if not _agree(key, left.get(key), right.get(key))
    ]


def _agree(key: str, left: object, right: object) -> bool:
    if key.startswith("measured.") and isinstance(left, int | float) and isinstance(right, int | float):
        # The figures are rounded, yet two machines may round to neighbours.
        name = key.removeprefix("measured.").partition("-")[0]
        return abs(left - right) < TOLERANCES.get(name, TOLERANCE)
    return left == right


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, object] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}.{key}" if prefix else key)
    return flat
