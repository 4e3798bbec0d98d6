"""``models refresh``: what can be had is had, what failed says why, and the cards tell the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restoration_models.store.process import Process, wait_for_end
from support import checkpoints
from support.origin import Faults, Origin
from support.servers import git
from support.workspace import Workspace, declare

AT_ONCE = 2.0
"""Seconds in which a command has ended once it is told to."""


def outcomes(text: str) -> dict[str, str]:
    return {one["model"]: one["outcome"] for one in json.loads(text)}


def kept(workspace: Workspace) -> dict[str, bytes]:
    """Every file that git would keep, the repository's own settings aside."""
    paths = git(workspace.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return {path: (workspace.root / path).read_bytes() for path in paths.split("\0") if path}


def test_one_dead_source_does_not_keep_the_rest(workspace: Workspace, upstream: Path) -> None:
    workspace.layers["layer-2"]["gone"] = declare(
        "nafnet", upstream / "nafnet-next.pth", f"file:{upstream}/nowhere.pth"
    )
    workspace.write()

    done = workspace.models("refresh", "--json")

    assert done.returncode == 3
    assert outcomes(done.stdout) == {"cleaner": "new", "sharpener": "new", "gone": "failed"}
    assert "layers/layer-2/params.yaml: models.gone: download: " in done.stderr
    assert "nowhere.pth" in done.stderr
    assert done.stderr.rstrip().endswith("run `models refresh` again for the rest")
    # The cards of the layer are there, by the pipeline, and say who never ran.
    assert "sample.png" in workspace.project.card("layer-2", "sharpener").read_text()
    assert "sample.png" not in workspace.project.card("layer-2", "gone").read_text()
    workspace.commit()
    checked = workspace.models("check", "--offline")
    assert checked.returncode == 0, checked.stderr
    assert workspace.models("check", "--offline", "--strict").returncode == 1
    assert workspace.ran("cards@layer-2", "--single-item") == set()


def test_a_failed_download_is_tried_once_in_a_refresh(workspace: Workspace, upstream: Path) -> None:
    with Origin() as origin:
        url = origin.add("/nafnet.pth", b"", Faults(status=404))
        workspace.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "nafnet.pth", url)
        workspace.write()
        done = workspace.models("refresh", "--json")
        assert outcomes(done.stdout)["sharpener"] == "failed"
        assert len(origin.seen("/nafnet.pth")) == 1


def test_a_failed_validation_is_in_the_table_with_its_reason(done: Workspace, upstream: Path) -> None:
    done.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "restormer-next.pth")
    done.write()

    result = done.models("refresh")

    assert result.returncode == 3
    assert "validate: see below" in result.stdout
    assert "models.sharpener: validate: " in result.stderr
    assert "sample.png" not in done.project.card("layer-2", "sharpener").read_text()


def test_a_refresh_leaves_what_the_pipeline_leaves(workspace: Workspace, finished: Workspace) -> None:
    result = workspace.models("refresh")

    assert result.returncode == 0, result.stderr
    assert "Running stage" not in result.stdout  # DVC found all of it done
    assert kept(workspace) == kept(finished)
    assert not list(workspace.project.inbox.glob("*"))


def test_a_second_refresh_changes_nothing(done: Workspace) -> None:
    result = done.models("refresh", "--json")

    assert outcomes(result.stdout) == {"cleaner": "unchanged", "sharpener": "unchanged"}
    assert done.status() == ""


def test_a_changed_model_is_told_apart_from_the_others(done: Workspace, upstream: Path) -> None:
    former = done.layers["layer-2"]["sharpener"]["sha256"]
    done.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "nafnet-next.pth")
    done.layers["layer-1"]["cleaner"]["task"] = "deraining"
    done.write()

    result = json.loads(done.models("refresh", "--json").stdout)

    found = {one["model"]: one for one in result}
    assert found["cleaner"]["outcome"] == "validated"
    assert found["sharpener"]["outcome"] == "changed"
    assert found["sharpener"]["sha256"]["before"] == former


def test_a_wrong_catalogue_stops_it_before_anything_runs(workspace: Workspace) -> None:
    workspace.layers["layer-2"]["sharpener"]["size"] = 0
    workspace.write()

    result = workspace.models("refresh")

    assert result.returncode == 1
    assert "models.sharpener.size" in result.stderr
    assert not (workspace.root / "layers/layer-2/dvc.lock").exists()


@pytest.mark.parametrize(
    "command", [["-m", "dvc", "repro"], ["-c", "from restoration_models.cli.app import main; main()"]]
)
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, command: list[str]) -> None:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    path = checkpoints.small("nafnet", upstream / "nafnet.pth", 5, width=48)
    size = path.stat().st_size
    assert size > 3_000_000
    arguments = [] if "dvc" in command else ["refresh"]
    with Origin() as origin:
        url = origin.add("/nafnet.pth", path.read_bytes(), Faults(rate=1_000_000))
        workspace = Workspace(
            tmp_path / "workspace", {"layer-1": {"sharpener": declare("nafnet", path, url)}}
        ).begin()
        process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            cwd=workspace.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        origin.wait_until(lambda: origin.sent("/nafnet.pth") > size // 2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not workspace.project.checkpoint("layer-1", "sharpener", "nafnet.pth").exists()
        origin.put("/nafnet.pth", origin.resources[("", "/nafnet.pth")].__class__(path.read_bytes()))

        done = workspace.models("refresh", "--json")

        assert outcomes(done.stdout) == {"sharpener": "new"}, done.stderr
        assert origin.sent("/nafnet.pth") < size * 1.1
    assert checkpoints.digests(workspace.project.checkpoint("layer-1", "sharpener", "nafnet.pth"))[0] == size


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_at_once_and_is_resumable(tmp_path: Path, number: signal.Signals) -> None:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    path = checkpoints.small("nafnet", upstream / "nafnet.pth", 5, width=48)
    with Origin() as origin:
        url = origin.add("/nafnet.pth", path.read_bytes(), Faults(rate=200_000))
        workspace = Workspace(
            tmp_path / "workspace", {"layer-1": {"sharpener": declare("nafnet", path, url)}}
        ).begin()
        process = subprocess.Popen(
            [sys.executable, "-c", "from restoration_models.cli.app import main; main()", "refresh"],
            cwd=workspace.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        origin.wait_until(lambda: origin.sent("/nafnet.pth") > 300_000)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[number]
    assert "Traceback" not in err
    assert list(workspace.project.inbox.glob("*.partial"))


@pytest.mark.parametrize(
    ("number", "stage_ignores", "told"),
    [
        (signal.SIGINT, "", "interrupted"),
        (signal.SIGTERM, "trap '' INT TERM; ", "terminated"),
        (signal.SIGHUP, "", "hung up"),
    ],
)
def test_a_termination_ends_dvc_and_its_stage_too(
    workspace: Workspace, tmp_path: Path, number: signal.Signals, stage_ignores: str, told: str
) -> None:
    """Within two seconds, and no other stage is started instead."""
    # Stages that tell that they run and then never end by themselves.
    fifo, begun = tmp_path / "fifo", tmp_path / "begun"
    os.mkfifo(fifo)
    command = f"cmd: {stage_ignores}echo >> {begun}; echo $$ > {fifo}; cat {fifo}; #"
    for layer in workspace.layers:
        pipeline = workspace.project.layer(layer) / "dvc.yaml"
        pipeline.write_text(pipeline.read_text().replace("cmd: models validate", command))
    process = subprocess.Popen(
        [sys.executable, "-c", "from restoration_models.cli.app import main; main()", "refresh"],
        cwd=workspace.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    stage = Process.of(int(fifo.read_text()))

    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert time.monotonic() - began < AT_ONCE
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == told
    assert wait_for_end(stage, 5)
    assert begun.read_text() == "\n"
    assert not list(workspace.project.failures.iterdir())


def test_cards_that_cannot_be_written_are_a_failure(done: Workspace) -> None:
    card = done.project.card("layer-2", "sharpener")
    card.unlink()
    card.mkdir()
    done.layers["layer-2"]["sharpener"]["description"] = "Another"
    done.write()

    result = done.models("refresh")

    assert result.returncode == 3
    assert "layers/layer-2/README.md: the cards could not be written" in result.stderr


def test_a_broken_pipeline_is_a_failure(done: Workspace) -> None:
    with (done.root / "dvc.yaml").open("a") as file:
        file.write("  : [\n")

    result = done.models("refresh")

    assert result.returncode == 3
    assert "DVC could not run the stages" in result.stderr


def test_a_layer_without_its_pipeline_is_a_failure(done: Workspace, upstream: Path) -> None:
    done.layers["layer-3"] = {"third": declare("nafnet", upstream / "nafnet-next.pth")}
    done.write()
    (done.root / "layers/layer-3/dvc.yaml").unlink()

    result = done.models("refresh", "--json")

    assert result.returncode == 3
    assert outcomes(result.stdout)["third"] == "failed"


def test_a_file_put_in_place_by_hand_is_not_lost(workspace: Workspace, upstream: Path) -> None:
    entry = declare("nafnet", upstream / "nafnet.pth", origin="local", sources=None)
    workspace.layers["layer-2"]["sharpener"] = entry
    workspace.write()
    place = workspace.project.checkpoint("layer-2", "sharpener", "nafnet.pth")
    place.parent.mkdir(parents=True)
    place.write_bytes((upstream / "nafnet.pth").read_bytes())

    result = workspace.models("refresh", "--json")

    assert result.returncode == 0, result.stderr
    assert checkpoints.digests(place)[1] == entry["sha256"]


def test_what_a_person_downloaded_is_not_downloaded_again(workspace: Workspace, upstream: Path) -> None:
    with Origin() as origin:
        url = origin.add("/nafnet.pth", (upstream / "nafnet.pth").read_bytes())
        workspace.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "nafnet.pth", url)
        workspace.write()
        assert workspace.models("download", "sharpener").returncode == 0
        asked = len(origin.seen())

        assert "download@sharpener" in workspace.ran("layers/layer-2/dvc.yaml:download@sharpener")

        assert len(origin.seen()) == asked
    assert not list(workspace.project.inbox.glob("*"))
