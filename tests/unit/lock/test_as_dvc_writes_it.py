"""The lock that DVC itself writes for the project's own pipeline."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models import catalogue, lock
from restoration_models.lock import State
from restoration_models.project import Project
from support.layers import REPOSITORY, checkout, entry, md5, report_of

LONG = "a-slug-so-long-that-the-command-and-the-path-are-both-folded-over-several-lines"
MODELS = {
    "a": entry(
        "a",
        expects={
            "architecture": "NAFNet",
            "wrapper-key": "params",
            "input-channels": 3,
            "min-gain-db": -1.5,
            "allow-globals": ["torch.float16", "numpy.dtype"],
        },
    ),
    LONG: entry("long", expects={"architecture": "unregistered", "min-gain-db": 2.0}),
}
# Stands for the command line: does what the real one leaves behind.
COMMAND = """#!{python}
import shutil, sys
from pathlib import Path
step, slug = sys.argv[1:3]
Path(slug).mkdir(exist_ok=True)
Path("reports").mkdir(exist_ok=True)
if step == "download":
    Path(slug, {files!r}[slug]).write_text(slug)
else:
    shutil.copy(Path({reports!r}, slug + ".json"), Path("reports"))
    Path(slug, "sample.png").write_text("picture")
"""


@pytest.fixture
def reproduced(tmp_path: Path) -> Project:
    """A checkout in which DVC ran the real dvc.yaml of a layer."""
    project = checkout(tmp_path / "checkout", MODELS)
    reports = tmp_path / "evidence"
    for slug, model in MODELS.items():
        report_of(slug, model).write(reports / f"{slug}.json")
    command = tmp_path / "bin" / "models"
    command.parent.mkdir()
    files = {slug: model["file"] for slug, model in MODELS.items()}
    command.write_text(COMMAND.format(python=sys.executable, files=files, reports=str(reports)))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    shutil.copy(REPOSITORY.layer("layer-2") / "dvc.yaml", project.layer("second"))
    dvc = [sys.executable, "-m", "dvc"]
    environment = os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    for arguments in (["init", "--no-scm", "-q"], ["config", "parsing.list", "append"]):
        subprocess.run([*dvc, *arguments], cwd=project.root, env=environment, check=True)
    ran = subprocess.run(
        [*dvc, "repro", "-q"],
        cwd=project.layer("second"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return project


def test_every_model_is_validated_by_what_dvc_wrote(reproduced: Project) -> None:
    loaded = catalogue.load(reproduced)
    found = lock.standings(reproduced, loaded, "second")
    assert {slug: standing.state for slug, standing in found.items()} == dict.fromkeys(
        MODELS, State.VALIDATED
    )
    locked = found[LONG].locked
    assert locked is not None
    assert locked.path == f"{LONG}/long.pth"
    assert (locked.md5, locked.size) == (md5(LONG), len(LONG))
    assert lock.stale_entries(reproduced, loaded, "second") == ()
