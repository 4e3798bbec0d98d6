"""``models remove``, ``rename`` and ``withdraw`` on real DVC."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from restoration_models import catalogue, lock, remove, stages
from restoration_models.cli import models_edit, render
from restoration_models.editing import BadName, NameTaken
from restoration_models.rollback import Rollback
from restoration_models.store.process import Process
from support.servers import git, models
from support.workspace import Workspace

SLUG = "sharpener-receipts"


def test_a_removed_model_leaves_no_trace_and_is_told_where_its_weights_are(daily: Workspace) -> None:
    """What it added to git is taken out again, to the byte; DVC and the check agree."""
    removed = remove.remove(daily.project, SLUG)

    assert removed is not None
    assert git(daily.root, "diff", "--stat", "HEAD~1") == ""
    assert not daily.project.model("layer-2", SLUG).exists()
    assert not daily.project.lock("layer-2").exists()
    assert daily.ran() == set()
    assert daily.models("check", "--offline").stdout.startswith("no problem found")
    assert removed.locked is not None
    md5, size = removed.locked.md5, render.size(removed.locked.size)
    name = f"files/md5/{md5[:2]}/{md5[2:]}"
    published = "pretrained_models/layer-2/nafnet/tuned.pth"
    assert models_edit._left(removed) == [
        f"{SLUG} is out of layer-2; commit it: git add --all dvc.lock layers",
        f"this clone's cache keeps it ({size}): `dvc gc --workspace` frees it",
        f"the store keeps it, if it was pushed, as dvc/{name} ({size}) for the commits with it",
        "`dvc gc --all-commits --cloud` removes it once no commit of any branch names it",
        f"if it was published, as {published}: the next `models publish --prune` takes that away",
    ]
    assert remove.remove(daily.project, SLUG) is None
    assert (daily.root / ".dvc/cache" / name).is_file()
    daily.commit("Take it out")
    again = daily.models("remove", SLUG)
    assert (again.returncode, again.stdout) == (0, f"{SLUG} is out of the catalogue already\n"), again.stderr
    git(daily.root, "reset", "--quiet", "--hard", "HEAD~1")
    daily.dvc("checkout")
    assert daily.status() == ""


def test_a_base_and_a_folder_with_other_files_are_not_removed(daily: Workspace) -> None:
    with pytest.raises(remove.IsBase) as base:
        remove.remove(daily.project, "sharpener")
    assert str(base.value) == (
        f"sharpener: {SLUG} names it as base: the lineage would be lost; keep it out of use with "
        f'`models withdraw sharpener --why "…"`, or take base out of {SLUG}'
    )
    (daily.project.model("layer-2", SLUG) / "notes.txt").write_text("mine")
    with pytest.raises(remove.ForeignFiles) as foreign:
        remove.remove(daily.project, SLUG)
    assert str(foreign.value) == (
        f"layers/layer-2/{SLUG}: holds files that the pipeline did not write: notes.txt; "
        "move them elsewhere, or delete them"
    )
    with pytest.raises(catalogue.UnknownModel, match="did you mean sharpener"):
        remove.remove(daily.project, "sharpner")
    assert daily.status() == ""


def test_a_removal_that_fails_brings_the_weights_back(
    daily: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cards cannot be written: the checkpoint, perhaps the only one, is in its place again."""
    weights = daily.project.checkpoint("layer-2", SLUG, "tuned.pth").read_bytes()
    text = (daily.root / "dvc.yaml").read_text()
    (daily.root / "dvc.yaml").write_text(text.replace("models readme", "models readme --nonsense"))
    daily.commit("A pipeline that fails")

    with pytest.raises(stages.DvcFailed) as caught:
        remove.remove(daily.project, SLUG)

    assert "failed to reproduce 'cards@layer-2'" in str(caught.value)
    assert daily.status() == ""
    assert daily.project.checkpoint("layer-2", SLUG, "tuned.pth").read_bytes() == weights


def test_a_rename_keeps_everything_but_the_name(daily: Workspace) -> None:
    """Comments, lineage and lock move along; only the report, which names the model, is made anew."""
    project = daily.project
    before = json.loads(project.report("layer-1", "sharpener").read_text())
    text = project.layer_catalogue("layer-1").read_text()

    renamed = remove.rename(project, "sharpener", "crisp")

    assert (renamed.validated, renamed.heirs) == (True, (SLUG,))
    assert project.layer_catalogue("layer-1").read_text() == text.replace('  "sharpener":', '  "crisp":')
    assert catalogue.load(project).model(SLUG).base == "crisp"
    assert json.loads(project.report("layer-1", "crisp").read_text()) == {**before, "model": "crisp"}
    assert set(lock.read(project, "layer-1")) == {"crisp"}
    assert not project.model("layer-1", "sharpener").exists()
    assert not project.report("layer-1", "sharpener").exists()
    assert "../../layer-1/crisp/README.md" in project.card("layer-2", SLUG).read_text()
    assert daily.ran() == set()
    assert daily.models("check", "--offline").stdout.startswith("no problem found")
    status = daily.status()
    assert not remove.rename(project, "sharpener", "crisp").changed
    assert daily.status() == status
    daily.commit("A better name")
    again = daily.models("rename", "sharpener", "crisp")
    assert (again.returncode, again.stdout) == (0, "sharpener is crisp already\n"), again.stderr
    with pytest.raises(catalogue.UnknownModel):
        remove.rename(project, "sharpener", SLUG)
    with pytest.raises(NameTaken, match=f"{SLUG}: is already a model of layer-2"):
        remove.rename(project, "crisp", SLUG)
    with pytest.raises(BadName, match="kebab-case"):
        remove.rename(project, "crisp", "Crisp")


def test_a_rename_that_fails_changes_nothing(daily: Workspace, tmp_path: Path) -> None:
    """In a clone where the weights are nowhere: they are needed for the new report."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(daily.root), str(clone))

    failed = models(clone, "rename", SLUG, "receipts")

    assert failed.returncode == 3
    assert failed.stderr.splitlines()[-1].startswith("receipts: download: ")
    assert git(clone, "status", "--porcelain") == ""
    assert not (clone / "layers/layer-2/receipts").exists()


def test_a_withdrawal_is_said_once_and_can_be_taken_back(daily: Workspace) -> None:
    """Card and entry say it; the stages and the weights stay."""
    project = daily.project
    said = ("withdraw", "sharpener", "--why", "es: Borra los sellos", "--why", "en: It wipes out stamps")

    done = daily.models(*said)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "sharpener is withdrawn; commit it: git add dvc.lock layers; readers learn it with the next "
        "`models publish`\n"
    )
    assert "Borra los sellos" in project.card("layer-1", "sharpener").read_text()
    assert daily.models("check", "--offline").stdout.startswith("no problem found")
    status, text = daily.status(), project.layer_catalogue("layer-1").read_text()
    assert daily.models(*said).stdout == "sharpener is withdrawn for that reason already\n"
    assert (daily.status(), project.layer_catalogue("layer-1").read_text()) == (status, text)
    assert remove.withdraw(project, "sharpener", None)
    assert daily.status() == ""
    assert not remove.withdraw(project, "sharpener", None)
    neither = daily.models("withdraw", "sharpener")
    assert (neither.returncode, neither.stderr) == (
        2,
        'models withdraw sharpener: give either --why "…" or --undo\n',
    )


def test_what_was_brought_to_its_end_is_kept(daily: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the cards, and `dvc repro` went on: the check names it, the next edit keeps it."""
    project = daily.project
    with monkeypatch.context() as patch:
        patch.setattr(Rollback, "end", lambda self: None)
        patch.setattr(Process, "of", classmethod(lambda cls, pid: cls(pid, "ended")))
        assert remove.withdraw(project, "sharpener", "It wipes out stamps")
    half = "`models withdraw sharpener` was killed half way"
    checked = daily.models("check", "--offline")
    assert checked.returncode == 1
    assert [line for line in checked.stderr.splitlines() if half in line], checked.stderr
    edit = shutil.copytree(project.edit, project.temporary / "again")
    said: list[str] = []

    assert not remove.withdraw(project, "sharpener", "It wipes out stamps", say=said.append)

    assert said == ["`models withdraw sharpener` was killed, but everything was done: it is kept"]
    assert daily.models("check", "--offline").stdout.startswith("no problem found")
    # The same with a card that is not made yet, as it is before `dvc repro`.
    edit.rename(project.edit)
    project.card("layer-1", "sharpener").unlink()
    refreshed = daily.models("refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    assert f"{half}: taking it back\n" in refreshed.stderr
    assert daily.status() == ""
