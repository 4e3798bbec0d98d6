"""Reading dvc.lock."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from restoration_models import catalogue, lock
from restoration_models.errors import ModelProblem
from restoration_models.project import Project
from support.layers import checkout, digest, entry, lock_stages, md5, write_lock

MODEL = entry("a")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return checkout(tmp_path, {"a": MODEL})


def broken(project: Project, text: str) -> str:
    project.lock("second").write_text(text, encoding="utf-8")
    with pytest.raises(lock.LockUnreadable) as caught:
        lock.read(project, "second")
    assert isinstance(caught.value, ModelProblem)
    return str(caught.value)


def test_no_lock_is_no_locked_models(project: Project) -> None:
    assert lock.read(project, "second") == {}


@pytest.mark.parametrize("text", ["", "schema: '2.0'\n", "schema: '2.0'\nstages: {}\n"])
def test_a_lock_without_stages_has_no_models(project: Project, text: str) -> None:
    project.lock("second").write_text(text, encoding="utf-8")
    assert lock.read(project, "second") == {}


def test_a_download_alone_is_locked_and_not_validated(project: Project) -> None:
    write_lock(project, lock_stages("a", MODEL))
    found = lock.read(project, "second")["a"]
    assert found == lock.LockedModel("a", "a/a.pth", digest("a"), md5("a"), 1_234_567, None)


def test_a_validation_is_read_with_its_command_and_digests(project: Project) -> None:
    write_lock(project, lock_stages("a", MODEL, b"report"))
    found = lock.read(project, "second")["a"].validated
    assert found is not None
    assert (found.protocol, found.task) == (1, "denoising-real")
    assert (found.report_md5, found.picture_md5, found.weights_md5) == (
        md5(b"report"),
        md5("picture"),
        md5("a"),
    )
    assert found.command.startswith("models validate a --protocol 1 ")


def test_a_validation_without_a_download_is_no_locked_model(project: Project) -> None:
    stages = lock_stages("a", MODEL, b"report")
    del stages["download@a"]
    write_lock(project, stages)
    assert lock.read(project, "second") == {}


def test_stages_of_models_that_are_gone_are_listed(project: Project) -> None:
    gone = lock_stages("gone", entry("gone"), b"report")
    write_lock(project, {**gone, **lock_stages("a", MODEL, b"report"), "cards@a": {"cmd": "x"}})
    stale = lock.stale_entries(project, catalogue.load(project), "second")
    assert stale == ("download@gone", "validate@gone", "cards@a")


def test_the_marks_of_a_merge_conflict_are_named_with_their_line(project: Project) -> None:
    text = "schema: '2.0'\nstages:\n<<<<<<< ours\n  a: {}\n=======\n  b: {}\n>>>>>>> theirs\n"
    message = broken(project, text)
    assert message == (
        "layers/second/dvc.lock:3: holds the marks of a merge conflict; take either side's file, then run "
        "`dvc pull --allow-missing` and `dvc repro`"
    )


def test_broken_yaml_is_named_with_its_line(project: Project) -> None:
    message = broken(project, "schema: '2.0'\nstages: [\n")
    assert message.startswith("layers/second/dvc.lock:3: not valid YAML: ")
    assert message.endswith("; restore it with git checkout, then run `dvc repro`")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cmd": None}, "stages.download@a: cmd: expected a text here"),
        ({"cmd": "models download a"}, "stages.download@a.cmd: names no sha256"),
        ({"cmd": "models download a --sha256 123"}, "stages.download@a.cmd: names no sha256"),
        ({"cmd": "models 'download"}, "stages.download@a.cmd: names no sha256"),
        ({"outs": []}, "stages.download@a: has 0 outputs, a download has one"),
        (
            {"outs": [{"path": "a/a.pth", "md5": md5("a") + ".dir"}]},
            "stages.download@a.md5: is not an md5 of a file",
        ),
        ({"outs": [{"path": "a/a.pth", "md5": md5("a")}]}, "stages.download@a: size: expected a number here"),
    ],
)
def test_a_download_that_is_not_ours_is_named(
    project: Project, change: dict[str, object], place: str
) -> None:
    stages = lock_stages("a", MODEL)
    stages["download@a"] |= change
    write_lock(project, stages)
    with pytest.raises(lock.LockUnreadable) as caught:
        lock.read(project, "second")
    assert f"layers/second/dvc.lock: {place}" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cmd": "models validate a --task x"}, "stages.validate@a.cmd: names no protocol or no task"),
        ({"deps": []}, "stages.validate@a: has 0 dependencies, a validation has one"),
        ({"outs": []}, "stages.validate@a: reports/a.json: expected a mapping here"),
    ],
)
def test_a_validation_that_is_not_ours_is_named(
    project: Project, change: dict[str, object], place: str
) -> None:
    stages = lock_stages("a", MODEL, b"report")
    stages["validate@a"] |= change
    write_lock(project, stages)
    with pytest.raises(lock.LockUnreadable) as caught:
        lock.read(project, "second")
    assert place in str(caught.value)


@pytest.mark.parametrize("text", ["[]\n", "stages: []\n", "text\n", "stages: null\n"])
def test_a_lock_of_another_shape_is_refused(project: Project, text: str) -> None:
    assert "stages: expected a mapping here" in broken(project, text)


def test_bytes_that_are_no_text_are_refused(project: Project) -> None:
    project.lock("second").write_bytes(b"\xff\xfe")
    with pytest.raises(lock.LockUnreadable, match="not UTF-8"):
        lock.read(project, "second")


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"hash": "4d5"}, "hash: names another digest than md5"),
        ({"hash": ""}, "hash: names another digest than md5"),
        ({"md5": True}, "md5: is not an md5"),
        ({"md5": "4d5"}, "md5: is not an md5"),
        ({"size": -1}, "size: is not a number of bytes"),
        ({"size": True}, "size: is not a number of bytes"),
        ({"size": "5"}, "size: is not a number of bytes"),
    ],
)
@pytest.mark.parametrize("kind", ["deps", "outs"])
def test_facts_that_no_file_has_are_named_in_any_stage(
    kind: str, facts: dict[str, object], what: str
) -> None:
    entry = {"path": "layers/a", "hash": "md5", "md5": f"{md5('a')}.dir", "size": 5}
    for bad in (False, True):
        stage = {"cmd": "models readme a", kind: [entry | facts if bad else entry]}
        text = yaml.safe_dump({"schema": "2.0", "stages": {"cards@a": stage}})
        if not bad:
            assert lock.parse(text, "dvc.lock").stages == ("cards@a",)
            continue
        with pytest.raises(lock.LockUnreadable) as caught:
            lock.parse(text, "dvc.lock")
    assert str(caught.value).partition(";")[0] == f"dvc.lock: stages.cards@a.{kind}: layers/a: {what}"


@pytest.mark.parametrize("stage", [5, {"deps": 5}, {"outs": [5]}, {"outs": [{}]}])
def test_a_stage_of_another_form_is_named(stage: object) -> None:
    with pytest.raises(
        lock.LockUnreadable, match=r"dvc\.lock: .*cards@a.*: expected a (mapping|list|text) here"
    ):
        lock.parse(yaml.safe_dump({"schema": "2.0", "stages": {"cards@a": stage}}), "dvc.lock")
