"""Cards on the disk: written once, found stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoration_models import cards, catalogue
from restoration_models.lock import LockUnreadable
from restoration_models.project import Project
from support.layers import checkout, entry, validated, write_lock

MODELS = {"a": entry("a"), "b": entry("b")}

AGAIN = "`dvc repro --force --single-item cards@second`, and commit what it wrote"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = checkout(tmp_path, MODELS)
    write_lock(project, validated(project, "a", MODELS["a"]))
    return project


def write(project: Project) -> list[str]:
    return [project.relative(path) for path in cards.write_layer(project, catalogue.load(project), "second")]


def stale(project: Project) -> list[str]:
    return [str(problem) for problem in cards.stale(project, catalogue.load(project), "second")]


def test_a_layer_is_written_with_all_its_models(project: Project) -> None:
    assert write(project) == [
        "layers/second/README.md",
        "layers/second/a/README.md",
        "layers/second/b/README.md",
    ]
    assert stale(project) == []


def test_a_second_run_touches_nothing(project: Project) -> None:
    write(project)
    before = {path: path.stat() for path in project.root.rglob("*")}
    assert write(project) == []
    after = {path: path.stat() for path in project.root.rglob("*")}
    assert {path: (stat.st_mtime_ns, stat.st_ino) for path, stat in after.items()} == {
        path: (stat.st_mtime_ns, stat.st_ino) for path, stat in before.items()
    }


def test_only_what_changed_is_written(project: Project) -> None:
    write(project)
    checkout(project.root, {**MODELS, "b": entry("b", description="Something else.")})
    (line,) = stale(project)
    assert line.startswith("layers/second/b/README.md:18: the card is out of date: ")
    assert line.endswith("; run `dvc repro --force --single-item cards@second`, and commit what it wrote")
    assert write(project) == ["layers/second/b/README.md"]
    assert stale(project) == []


def test_nothing_is_removed_and_nothing_else_is_left(project: Project) -> None:
    write(project)
    checkout(project.root, {"a": MODELS["a"]})
    write(project)
    names = sorted(path.name for path in (project.layer("second") / "b").iterdir())
    assert names == ["README.md"]


def test_a_missing_card_is_found(project: Project) -> None:
    write(project)
    project.card("second", "a").unlink()
    assert stale(project) == [f"layers/second/a/README.md: the card is missing; run {AGAIN}"]


@pytest.mark.parametrize("find", ["## Licence", "license: mit", "Do not edit", "[`a.json`]"])
def test_a_card_edited_by_hand_is_told_from_one_that_is_out_of_date(project: Project, find: str) -> None:
    write(project)
    path = project.card("second", "a")
    text = path.read_text(encoding="utf-8")
    assert find in text
    path.write_text(text.replace(find, f"{find}!", 1), encoding="utf-8")
    (problem,) = cards.stale(project, catalogue.load(project), "second")
    assert (problem.file, problem.what) == (
        "layers/second/a/README.md",
        "the card was edited by hand or by a merge",
    )
    assert problem.remedy == f"put what it should say into the catalogue, then run {AGAIN}"
    line = next(number for number, line in enumerate(text.splitlines(), 1) if find in line)
    assert problem.line == line or find == "Do not edit"


@pytest.mark.parametrize("content", [b"", b"# Mine\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_card_is_found_and_replaced(project: Project, content: bytes) -> None:
    write(project)
    project.layer_card("second").write_bytes(content)
    (line,) = stale(project)
    assert "README.md:1: the card was edited by hand or by a merge; " in line
    assert write(project) == ["layers/second/README.md"]
    assert stale(project) == []


def test_line_ends_of_another_system_are_no_change(project: Project) -> None:
    write(project)
    path = project.card("second", "a")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert stale(project) == []
    assert write(project) == []


def test_a_card_follows_the_evidence(project: Project) -> None:
    write(project)
    project.report("second", "a").unlink()
    assert len(stale(project)) == 2
    assert write(project) == ["layers/second/README.md", "layers/second/a/README.md"]
    assert "sample.png" not in project.card("second", "a").read_text(encoding="utf-8")


def test_a_broken_lock_stops_the_cards_and_leaves_them(project: Project) -> None:
    write(project)
    before = project.card("second", "a").read_bytes()
    project.lock("second").write_text("<<<<<<< ours\n", encoding="utf-8")
    with pytest.raises(LockUnreadable):
        write(project)
    assert project.card("second", "a").read_bytes() == before
