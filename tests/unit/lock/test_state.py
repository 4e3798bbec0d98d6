"""The state of a model, from lock and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from restoration_models import catalogue, lock
from restoration_models.lock import Reason, State
from restoration_models.project import Project
from support.layers import checkout, digest, entry, lock_stages, report_of, validated, write_lock

MODEL = entry("a")


def standing(project: Project) -> lock.Standing:
    loaded = catalogue.load(project)
    found = lock.standings(project, loaded, "second")["a"]
    assert lock.state(project, loaded, loaded.model("a")) is found.state
    assert (found.reason is None) == (found.state is State.VALIDATED)
    return found


def after(tmp_path: Path, changed: dict[str, Any], *, protocol: int = 1) -> lock.Standing:
    """The standing of a model whose entry is `changed` after its validation."""
    project = checkout(tmp_path, {"a": MODEL})
    write_lock(project, validated(project, "a", MODEL))
    assert standing(project).state is State.VALIDATED
    return standing(checkout(tmp_path, {"a": changed}, protocol=protocol))


def test_a_model_without_lock_is_declared(tmp_path: Path) -> None:
    assert standing(checkout(tmp_path, {"a": MODEL})) == lock.Standing(State.DECLARED, Reason.NEVER_RUN)


def test_a_downloaded_model_is_locked(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    write_lock(project, lock_stages("a", MODEL))
    found = standing(project)
    assert (found.state, found.reason) == (State.LOCKED, Reason.NOT_VALIDATED)
    assert found.locked is not None


def test_a_model_with_its_report_is_validated(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    write_lock(project, validated(project, "a", MODEL))
    found = standing(project)
    assert (found.state, found.reason) == (State.VALIDATED, None)
    assert found.report == report_of("a", MODEL)


def test_another_digest_in_the_catalogue_is_a_file_that_was_never_run(tmp_path: Path) -> None:
    found = after(tmp_path, entry("a", sha256=digest("other")))
    assert found == lock.Standing(State.DECLARED, Reason.OTHER_FILE)


def test_another_file_name_is_a_file_that_was_never_run(tmp_path: Path) -> None:
    assert after(tmp_path, entry("a", file="other.pth")).reason is Reason.OTHER_FILE


def test_another_protocol_undoes_the_validation(tmp_path: Path) -> None:
    found = after(tmp_path, MODEL, protocol=2)
    assert (found.state, found.reason, found.report) == (State.LOCKED, Reason.OTHER_PROTOCOL, None)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "deraining"},
        {"expects": MODEL["expects"] | {"wrapper-key": "model_state"}},
        {"expects": MODEL["expects"] | {"input-channels": 1}},
        {"expects": MODEL["expects"] | {"min-gain-db": 1.5}},
        {"expects": MODEL["expects"] | {"allow-globals": ["torch.float16"]}},
        {"expects": MODEL["expects"] | {"architecture": "unregistered"}},
        {"expects": {"architecture": "NAFNet"}},
    ],
)
def test_a_validation_that_asked_for_something_else_does_not_count(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    found = after(tmp_path, entry("a", **change))
    assert (found.state, found.reason) == (State.LOCKED, Reason.CHANGED)


@pytest.mark.parametrize("change", [{"description": "Other words."}, {"sources": ["https://example.org/b"]}])
def test_words_and_sources_change_no_state(tmp_path: Path, change: dict[str, Any]) -> None:
    assert after(tmp_path, entry("a", **change)).state is State.VALIDATED


@pytest.mark.parametrize("gain", [2, 2.0, -1.5, 0.25])
def test_every_option_of_the_command_is_compared_by_value(tmp_path: Path, gain: float) -> None:
    expects = {
        **MODEL["expects"],
        "min-gain-db": gain,
        "allow-globals": ["torch.float16", "numpy.dtype"],
    }
    model = entry("a", expects=expects)
    project = checkout(tmp_path, {"a": model})
    write_lock(project, validated(project, "a", model))
    assert standing(project).state is State.VALIDATED


def test_a_report_edited_by_hand_is_no_evidence(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    write_lock(project, validated(project, "a", MODEL))
    path = project.report("second", "a")
    path.write_text(path.read_text().replace("23.5", "29.5"))
    assert standing(project) == lock.Standing(
        State.LOCKED, Reason.NO_EVIDENCE, lock.read(project, "second")["a"]
    )


def test_a_missing_report_is_no_evidence(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    write_lock(project, validated(project, "a", MODEL))
    project.report("second", "a").unlink()
    assert standing(project).reason is Reason.NO_EVIDENCE


@pytest.mark.parametrize(
    "wrong", [{"sha256": digest("b")}, {"task": "deraining"}, {"model": "b"}, {"protocol": 2}, {"file": "b"}]
)
def test_a_locked_report_of_something_else_is_no_evidence(tmp_path: Path, wrong: dict[str, Any]) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    path = project.report("second", "a")
    report_of("a", MODEL, **wrong).write(path)
    write_lock(project, lock_stages("a", MODEL, path.read_bytes()))
    assert standing(project).reason is Reason.NO_EVIDENCE


def test_a_locked_report_that_cannot_be_read_is_no_evidence(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    path = project.report("second", "a")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    write_lock(project, lock_stages("a", MODEL, b"{}"))
    assert standing(project).reason is Reason.NO_EVIDENCE


def test_a_validation_of_other_weights_does_not_count(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": MODEL})
    stages = validated(project, "a", MODEL)
    stages["validate@a"]["deps"] = [dict(stages["validate@a"]["deps"][0], md5="0" * 32)]
    write_lock(project, stages)
    assert standing(project).reason is Reason.CHANGED
