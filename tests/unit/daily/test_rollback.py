"""What a failed command changed is put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoration_models import stages
from restoration_models.errors import ModelProblem, WorldFailure
from restoration_models.failures import Failure
from restoration_models.project import Project
from restoration_models.rollback import Rollback


def test_everything_is_put_back(tmp_path: Path) -> None:
    """Changed, removed, created and moved files, folders and modes."""
    layers = tmp_path / "layers"
    changed, removed, absent = (layers / name for name in ("changed", "removed", "absent"))
    folder, target, fresh = (layers / name for name in ("folder", "away/target", "fresh"))
    layers.mkdir()
    changed.write_bytes(b"before\r\n")
    changed.chmod(0o600)
    removed.write_text("here")
    folder.mkdir()
    (folder / "weights").write_text("heavy")
    (folder / "card").write_text("old")
    with pytest.raises(KeyboardInterrupt), Rollback(Project(tmp_path), "test") as rollback:
        rollback.keep(changed, removed, absent, folder / "card")
        rollback.create(fresh, fresh / "deep")
        changed.write_text("after")
        removed.unlink()
        absent.write_text("new")
        fresh.mkdir()
        (fresh / "deep").write_text("x")
        rollback.move(folder, target)
        (target / "card").write_text("rewritten")
        raise KeyboardInterrupt
    assert (changed.read_bytes(), changed.stat().st_mode & 0o777) == (b"before\r\n", 0o600)
    assert removed.read_text() == "here"
    assert not absent.exists()
    assert not fresh.exists()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"weights": "heavy", "card": "old"}


def test_success_keeps_what_was_done(tmp_path: Path) -> None:
    with Rollback(Project(tmp_path), "test") as rollback:
        rollback.keep(tmp_path / "params.yaml")
        rollback.create(tmp_path / "layers")
        (tmp_path / "params.yaml").write_text("new")
        (tmp_path / "layers").mkdir()
    assert (tmp_path / "params.yaml").read_text() == "new"
    assert (tmp_path / "layers").is_dir()


def test_what_was_there_before_is_not_taken_for_new(tmp_path: Path) -> None:
    """A folder that a failed command found stays."""
    (tmp_path / "layers").mkdir()
    with pytest.raises(ValueError, match="no"), Rollback(Project(tmp_path), "test") as rollback:
        rollback.create(tmp_path / "layers")
        raise ValueError("no")
    assert (tmp_path / "layers").is_dir()


def test_a_stages_reason_is_its_own_or_dvcs() -> None:
    failed = stages.StageFailed("x", Failure("validate", "too bad", "do better", 1))
    assert (str(failed), failed.status) == ("x: validate: too bad; do better", ModelProblem.status)
    output = (
        "Running stage 'dvc.yaml:cards@a':\n> models readme a\nmodels: not found\n"
        "ERROR: failed to reproduce 'cards@a': failed to run: models readme a, exited with 127\n"
    )
    assert stages._reason(output) == (
        "models: not found; failed to reproduce 'cards@a': failed to run: models readme a, exited with 127"
    )
    busy = "ERROR: Unable to acquire lock. Most likely another DVC process is running.\n"
    assert stages._reason(busy).startswith("Unable to acquire lock")
    assert stages.DvcFailed(stages._reason("")).status == WorldFailure.status
    assert "it said nothing" in str(stages.DvcFailed(stages._reason("")))
