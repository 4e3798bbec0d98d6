"""What the check says of a repository's models, lock and files, one matter at a time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from restoration_models.check import Checked, check
from restoration_models.project import Project
from restoration_models.revision import NotARepository, UnknownRevision
from support.reviewed import Reviewed, entry
from support.servers import git


def offline(repository: Reviewed, base: str | None = None, *, strict: bool = False) -> Checked:
    return check(repository.project, base=base, offline=True, strict=strict)


def said(found: Checked) -> list[str]:
    assert all(problem.remedy for problem in found.problems)
    return [str(problem).partition(";")[0] for problem in found.problems]


def test_a_clean_repository(repository: Reviewed) -> None:
    found = offline(repository, "main")

    assert found.problems == ()
    [note] = found.notes
    assert str(note) == (
        "layers/layer-1/params.yaml: 1 model is declared and nothing more, never downloaded or validated: "
        "someday; run `models refresh` where the sources are reached"
    )


def test_one_note_a_layer_names_the_first_models(repository: Reviewed) -> None:
    for number in range(6):
        repository.layers["layer-2"][f"later-{number}"] = entry(f"later-{number}")
        repository.declared.add(f"later-{number}")
    repository.settle()
    _, note = offline(repository).notes

    assert note.what == (
        "6 models are declared and nothing more, never downloaded or validated: "
        "later-0, later-1, later-2, later-3 and 2 more"
    )


def test_a_declared_model_is_a_problem_where_it_must_not_be(repository: Reviewed) -> None:
    place = "layers/layer-1/params.yaml:35: models.someday"
    assert said(offline(repository, strict=True)) == [f"{place}: it was never downloaded and validated"]
    assert offline(repository, strict=True).notes == ()

    repository.layers["layer-1"]["someday"]["training-data"] = "Pages"
    repository.settle()
    assert said(offline(repository)) == []
    assert said(offline(repository, "main")) == [
        f"{place}: this branch adds or changes it, and it was never downloaded and validated"
    ]


def test_what_the_base_gained_meanwhile_is_not_the_branchs_doing(repository: Reviewed) -> None:
    git(repository.root, "switch", "--quiet", "main")
    other = repository.copy(repository.root.with_name("other"))
    other.layers["layer-2"]["later"] = entry("later")
    other.declared.add("later")
    other.settle()
    other.commit("Main goes on")
    git(repository.root, "fetch", "--quiet", str(other.root), "main:ahead")
    git(repository.root, "switch", "--quiet", "change")

    assert said(offline(repository, "ahead")) == []


def test_a_changed_task_asks_for_another_validation(repository: Reviewed) -> None:
    repository.layers["layer-1"]["cleaner"]["task"] = "motion-deblurring"
    repository.declare()
    found = said(offline(repository))

    assert found[0].startswith("dvc.lock:")  # the cards
    assert any(
        problem.endswith("validate@cleaner: validated as something else than the catalogue asks for now")
        for problem in found
    )


def test_another_protocol_asks_for_every_validation(repository: Reviewed) -> None:
    repository.head = {"validation": {"protocol": 2}}
    repository.declare()
    found = [problem for problem in said(offline(repository)) if "protocol" in problem]

    assert [problem.partition(": ")[2] for problem in found] == [
        f"validate@{slug}: validated by protocol 1, the catalogue asks for 2"
        for slug in ("cleaner", "dryer", "sharpener")
    ]


def test_downloaded_but_not_validated(repository: Reviewed) -> None:
    path = repository.project.lock("layer-2")
    text = path.read_text()
    path.write_text(text[: text.index("  validate@sharpener")])
    repository.project.report("layer-2", "sharpener").unlink()

    assert any(
        problem.endswith("download@sharpener: downloaded but not validated")
        for problem in said(offline(repository))
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda report: report | {"task": "deraining"}, "task: the report says deraining, the catalogue"),
        (lambda report: report | {"sha256": "0" * 64}, "sha256: the report says 000"),
        (lambda report: report | {"tensors": 3}, "the report is not the one that was locked"),
        (lambda report: {"model": "sharpener"}, "not a validation report"),
    ],
)
def test_a_report_that_was_edited(repository: Reviewed, change: object, what: str) -> None:
    path = repository.project.report("layer-2", "sharpener")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))  # type: ignore[operator]

    assert any(
        problem.startswith(f"layers/layer-2/reports/sharpener.json: {what}")
        for problem in said(offline(repository))
    )


def test_a_report_that_is_missing(repository: Reviewed) -> None:
    repository.project.report("layer-2", "sharpener").unlink()

    assert "layers/layer-2/reports/sharpener.json: the report of a locked validation is missing" in said(
        offline(repository)
    )


def test_a_picture_that_is_not_the_locked_one(repository: Reviewed) -> None:
    path = repository.project.picture("layer-2", "sharpener")
    path.write_bytes(path.read_bytes() + b"\0")

    [problem] = said(offline(repository))
    assert problem.endswith(
        "validate@sharpener: out of step: sharpener/sample.png is not the one that was locked"
    )


def test_a_removed_model_leaves_nothing_behind(repository: Reviewed) -> None:
    del repository.layers["layer-1"]["dryer"]
    repository.declare()
    found = said(offline(repository))

    for expected in (
        "layers/layer-1/dryer: a folder of no model of this layer",
        "layers/layer-1/reports/dryer.json: a report of no model of this layer",
    ):
        assert expected in found
    for name in ("download@dryer", "validate@dryer"):
        assert any(problem.endswith(f"{name}: the lock entry of a stage that is gone") for problem in found)


def test_a_removed_layer_leaves_nothing_behind(repository: Reviewed) -> None:
    del repository.layers["layer-2"]
    repository.declare()
    repository.project.layer_catalogue("layer-2").unlink()

    assert "layers/layer-2: a folder of no layer of the catalogue" in said(offline(repository))


def test_a_model_that_was_moved_by_hand_is_not_to_be_removed(repository: Reviewed) -> None:
    """`models remove dryer` would take it out of the layer where it is now."""
    moved = repository.layers["layer-1"].pop("dryer")
    repository.layers["layer-2"]["dryer"] = moved
    repository.declare()
    found = [
        one for one in offline(repository).problems if one.what == "the lock entry of a stage that is gone"
    ]

    assert [one.key for one in found] == ["download@dryer", "validate@dryer"]
    for one in found:
        assert one.file == "layers/layer-1/dvc.lock"
        assert (one.remedy or "").startswith(
            "delete this entry here; its model is in layer-2 now: run `dvc repro"
        )


def test_what_git_ignores_is_a_note(repository: Reviewed) -> None:
    folder = repository.project.model("layer-1", "elsewhere")
    folder.mkdir()
    (folder / "weights.pth").write_bytes(b"weights of another branch")
    found = offline(repository)

    assert found.problems == ()
    assert "files of no model here, which git ignores" in str(found.notes)


@pytest.mark.parametrize("name", ["README.md", "cleaner/README.md"])
def test_a_missing_card(repository: Reviewed, name: str) -> None:
    (repository.project.layer("layer-1") / name).unlink()

    assert f"layers/layer-1/{name}: the card is missing" in said(offline(repository))


def test_a_missing_schema(repository: Reviewed) -> None:
    (repository.root / "schemas" / "layer.schema.json").unlink()

    assert said(offline(repository)) == ["schemas/layer.schema.json: the schema is missing"]


def test_a_wrong_size(repository: Reviewed) -> None:
    repository.layers["layer-2"]["sharpener"]["size"] = 5
    repository.declare()

    assert any(
        problem.endswith(
            "models.sharpener.size: the catalogue says 5, the file that was downloaded has 1234567"
        )
        for problem in said(offline(repository))
    )


def test_marks_of_a_merge_conflict(repository: Reviewed) -> None:
    path = repository.project.lock("layer-2")
    path.write_text(f"<<<<<<< HEAD\n{path.read_text()}=======\n>>>>>>> other\n")
    repository.layers["layer-1"]["cleaner"]["task"] = "no-such-task"
    repository.declare()
    found = said(offline(repository))

    assert "layers/layer-2/dvc.lock:1: holds the marks of a merge conflict" in found
    assert any(": models.cleaner.task: 'no-such-task'" in problem for problem in found)


def test_a_faulty_entry_does_not_hide_the_others(repository: Reviewed) -> None:
    repository.layers["layer-1"]["cleaner"]["task"] = "no-such-task"
    repository.declare()
    repository.project.card("layer-1", "dryer").unlink()
    found = said(offline(repository))

    assert len(found) == 2
    assert "models.cleaner.task" in found[1] or "models.cleaner.task" in found[0]
    assert "layers/layer-1/dryer/README.md: the card is missing" in found


def test_a_head_that_cannot_be_read_is_said(repository: Reviewed) -> None:
    (repository.root / "params.yaml").write_text("layers: 3\n")

    assert any(problem.startswith("params.yaml:1: layers") for problem in said(offline(repository)))


def test_what_a_branch_took_back_is_still_in_its_commits(repository: Reviewed) -> None:
    """A checkpoint and a key that were committed and removed again would come along with the merge."""
    weights, notes = repository.root / "weights.pth", repository.root / "notes.md"
    weights.write_bytes(b"PK\x03\x04" + bytes(26) + b"model/data.pkl" + bytes(2_000_000))
    notes.write_text("secret_key = " + "".join(("q8Zt5LmW2xRb", "7NvKc4JhY9sD")) + "\n")
    repository.commit("Too much")
    commit = git(repository.root, "rev-parse", "--short=12", "HEAD").strip()
    weights.unlink()
    notes.unlink()
    repository.commit("Taken back")

    assert said(offline(repository)) == []
    assert said(offline(repository, "main")) == [
        f"notes.md:1: commit {commit}: a text given to 'secret_key' is committed to git",
        f"weights.pth: commit {commit}: a checkpoint is committed to git (2.0 MB)",
    ]


def test_an_untracked_file_may_hold_a_key(repository: Reviewed) -> None:
    (repository.root / "mine.txt").write_text("secret_key = " + "".join(("q8Zt5LmW2xRb", "7NvKc4JhY9sD")))

    assert offline(repository).problems == ()


def test_the_check_changes_nothing(repository: Reviewed) -> None:
    before = sorted(path for path in repository.root.rglob("*") if ".git/" not in str(path))
    offline(repository, "main", strict=True)

    assert git(repository.root, "status", "--porcelain") == ""
    assert sorted(path for path in repository.root.rglob("*") if ".git/" not in str(path)) == before


def test_a_repository_in_a_folder_of_a_larger_one(repository: Reviewed, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(repository.root, outer / "models", ignore=shutil.ignore_patterns(".git"))
    (outer / "README.md").write_text("secret_key = " + "".join(("q8Zt5LmW2xRb", "7NvKc4JhY9sD")))
    git(outer, "init", "--quiet", "--initial-branch=main")
    git(outer, "add", "--all")
    git(outer, "commit", "--quiet", "--message", "All")
    inner = Project(outer / "models")

    assert check(inner, offline=True).problems == ()
    assert check(inner, base="main", head="main", offline=True).problems == ()


def test_without_git(repository: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.root.parent))
    shutil.rmtree(repository.root / ".git")

    with pytest.raises(NotARepository, match="not inside a git repository"):
        offline(repository)


@pytest.mark.parametrize("name", ["no-such-branch", "--all", ""])
def test_a_base_that_is_none(repository: Reviewed, name: str) -> None:
    with pytest.raises(UnknownRevision):
        offline(repository, name)


def added(repository: Reviewed) -> list[str]:
    """Write a validated model beside the others; return the files that git has to get."""
    repository.layers["layer-2"]["fresh"] = entry("fresh")
    repository.settle()
    return [
        f"layers/layer-2/{name}" for name in ("fresh/README.md", "fresh/sample.png", "reports/fresh.json")
    ]


def test_evidence_that_nobody_added_to_git_is_a_problem_once_its_model_is_committed(
    repository: Reviewed,
) -> None:
    """`git commit -a` leaves new files out, and in the checkout nothing shows it."""
    files = added(repository)
    assert offline(repository).problems == ()  # all of it is still to be committed

    git(repository.root, "commit", "--quiet", "--all", "--message", "Without what is new")
    for base in (None, "main"):
        found = offline(repository, base).problems
        assert [str(problem) for problem in found] == [
            f"{file}: it is here and not in git: no clone will have it; `git add {file}`" for file in files
        ]
    git(repository.root, "add", *files)
    git(repository.root, "commit", "--quiet", "--message", "And what is new")
    assert offline(repository, "main").problems == ()
    assert check(repository.project, base="main", head="HEAD", offline=True).problems == ()


def test_a_report_that_was_taken_out_of_git_is_a_problem(repository: Reviewed) -> None:
    name = "layers/layer-1/reports/cleaner.json"
    git(repository.root, "rm", "--quiet", "--cached", name)
    git(repository.root, "commit", "--quiet", "--message", "By mistake")

    assert said(offline(repository)) == [f"{name}: it is here and not in git: no clone will have it"]


def test_what_is_under_review_are_commits(repository: Reviewed) -> None:
    """A new model that is not committed at all: the branch would be merged without it."""
    files = added(repository)

    assert [problem.file for problem in offline(repository, "main").problems] == files
    [note] = (note for note in offline(repository, "main").notes if "committed" in note.what)
    assert note.what == (
        "not committed: dvc.lock, layers/layer-2/README.md, layers/layer-2/dvc.lock and 1 more; "
        "the files were checked, the last commit has others"
    )


def test_before_the_first_commit_nothing_is_late(repository: Reviewed) -> None:
    shutil.rmtree(repository.root / ".git")
    git(repository.root, "init", "--quiet", "--initial-branch=main")

    assert offline(repository).problems == ()
    # As after the first refresh of a catalogue: the locks are as new as the evidence.
    git(repository.root, "add", "params.yaml", "layers/layer-1/params.yaml")
    git(repository.root, "commit", "--quiet", "--message", "The catalogue")
    assert offline(repository).problems == ()


@pytest.mark.parametrize("origin", [None, "local"])
def test_every_remedy_names_what_it_is_about(repository: Reviewed, origin: str | None) -> None:
    """A plain `dvc repro` stops at the first model that cannot be downloaded."""
    own = {"origin": "local", "sources": None} if origin else {}
    repository.layers["layer-1"]["fresh"] = entry("fresh", **own)
    repository.declared.add("fresh")
    repository.settle()
    repository.layers["layer-1"]["cleaner"]["task"] = "motion-deblurring"
    repository.declare()
    repository.commit()
    found = {problem.remedy for problem in offline(repository, "main").problems}

    assert (
        "run `dvc repro layers/layer-1/dvc.yaml:validate@cleaner`, "
        "then `dvc repro --single-item cards@layer-1`, and commit what they wrote"
    ) in found
    assert "run `dvc repro --force --single-item cards@layer-1`, and commit what it wrote" in found
    fresh = (
        "give its file to `models add` again, or `models remove fresh`"
        if origin
        else "where its sources are reached, run `dvc repro layers/layer-1/dvc.yaml:validate@fresh`, "
        "then `dvc repro --single-item cards@layer-1`, and commit what they wrote"
    )
    assert fresh in found
    assert not any(remedy.startswith("run `dvc repro`") for remedy in found)
