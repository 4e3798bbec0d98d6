"""``dvc repro``, as the README has it, on real DVC: what runs when something changes, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import checkpoints
from support.servers import dvc, git, models
from support.workspace import Workspace, declare

EVERYTHING = {
    "download@cleaner",
    "validate@cleaner",
    "cards@layer-1",
    "download@sharpener",
    "validate@sharpener",
    "cards@layer-2",
}


def test_a_plain_repro_runs_everything_and_a_second_one_nothing(done: Workspace) -> None:
    assert done.first == EVERYTHING
    assert done.ran() == set()
    assert "up to date" in done.dvc("repro").stdout
    assert done.status() == ""
    assert done.models("check", "--offline").stdout == "no problem found\n"
    tracked = set(git(done.root, "ls-files").splitlines())
    assert {
        "layers/layer-2/sharpener/README.md",
        "layers/layer-2/sharpener/sample.png",
        "layers/layer-2/reports/sharpener.json",
        "layers/layer-2/dvc.lock",
        "dvc.lock",
        "layers/layer-2/README.md",
    } <= tracked
    assert not [name for name in tracked if name.endswith((".pth", ".pkl"))]


def test_a_changed_digest_runs_that_model_and_its_layers_cards(done: Workspace, upstream: Path) -> None:
    done.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "nafnet-next.pth")
    done.write()

    assert done.ran() == {"download@sharpener", "validate@sharpener", "cards@layer-2"}

    report = json.loads(done.project.report("layer-2", "sharpener").read_text())
    assert report["sha256"] == done.layers["layer-2"]["sharpener"]["sha256"]
    assert done.models("check", "--offline").stdout == "no problem found\n"


def test_a_changed_description_writes_that_layers_cards_and_nothing_else(done: Workspace) -> None:
    done.layers["layer-2"]["sharpener"]["description"] = "Sharper than before"
    done.write()

    assert done.ran() == {"cards@layer-2"}

    assert "Sharper than before" in done.project.card("layer-2", "sharpener").read_text()


def test_a_changed_task_validates_that_model_again(done: Workspace) -> None:
    done.layers["layer-2"]["sharpener"]["task"] = "denoising-real"
    done.write()

    assert done.ran() == {"validate@sharpener", "cards@layer-2"}


def test_another_mirror_for_the_same_bytes_downloads_nothing(done: Workspace) -> None:
    done.layers["layer-2"]["sharpener"]["sources"] = ["https://mirror.invalid/nafnet.pth"]
    done.write()

    assert done.ran() == {"cards@layer-2"}


def test_another_protocol_validates_every_model_again(done: Workspace) -> None:
    done.head = {"validation": {"protocol": 2}}
    done.write()

    assert done.ran() == {name for name in EVERYTHING if not name.startswith("download")}


def test_one_model_runs_alone(workspace: Workspace) -> None:
    ran = workspace.ran("layers/layer-2/dvc.yaml:validate@sharpener")

    assert ran == {"download@sharpener", "validate@sharpener"}


def test_an_empty_layer_has_cards(done: Workspace) -> None:
    done.layers["layer-3"] = {}
    done.write()

    assert done.ran() == {"cards@layer-1", "cards@layer-2", "cards@layer-3"}

    assert done.project.layer_card("layer-3").is_file()


def test_a_clone_without_weights_is_checked_and_gets_them_without_a_second_validation(
    done: Workspace, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(done.root), str(clone))
    assert models(clone, "check", "--offline").stdout == "no problem found\n"
    ran = dvc(clone, "repro").stdout
    assert "Running stage 'layers/layer-2/dvc.yaml:download@sharpener'" in ran
    assert "Running stage 'layers/layer-2/dvc.yaml:validate" not in ran
    assert git(clone, "status", "--porcelain") == ""


def test_a_failed_validation_says_why_and_git_brings_the_evidence_back(
    done: Workspace, upstream: Path
) -> None:
    before = done.project.report("layer-2", "sharpener").read_bytes()
    done.layers["layer-2"]["sharpener"] = declare("nafnet", upstream / "restormer-next.pth")
    done.write()

    failed = done.dvc("repro", check=False)

    assert failed.returncode != 0
    assert "Restormer" in failed.stderr
    assert "NAFNet" in failed.stderr
    assert not done.project.report("layer-2", "sharpener").exists()
    git(done.root, "checkout", "--", "layers/layer-2")
    done.dvc("checkout")
    assert done.project.report("layer-2", "sharpener").read_bytes() == before
    assert done.ran() == set()
    assert done.status() == ""


def test_without_the_environment_on_path_the_stage_is_not_found(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    failed = workspace.dvc("repro", check=False)

    assert failed.returncode != 0
    assert "not found" in failed.stderr


def test_the_picture_and_the_report_are_the_same_when_made_again(done: Workspace) -> None:
    picture = done.project.picture("layer-2", "sharpener").read_bytes()

    done.dvc("repro", "--force", "--single-item", "layers/layer-2/dvc.yaml:validate@sharpener")

    assert done.project.picture("layer-2", "sharpener").read_bytes() == picture
    assert done.status() == ""


def test_prove_compares_with_the_committed_report(done: Workspace) -> None:
    proved = done.models("prove", "sharpener")
    assert proved.returncode == 0, proved.stderr
    assert "what the committed report says" in proved.stdout

    path = done.project.report("layer-2", "sharpener")
    report = json.loads(path.read_text())
    report["measured"]["psnr-after"] += 1
    path.write_text(json.dumps(report))
    differs = done.models("prove", "sharpener")
    assert differs.returncode == 1
    assert "measured.psnr-after was" in differs.stderr


@pytest.mark.parametrize("container", ["torch-legacy", "safetensors"])
def test_other_containers_run_through_the_same_pipeline(
    workspace: Workspace, upstream: Path, container: checkpoints.Container
) -> None:
    wrapped = container != "safetensors"
    path = checkpoints.small(
        "nafnet", upstream / f"nafnet.{container}", 5, container=container, wrapped=wrapped
    )
    entry = declare("nafnet", path)
    if not wrapped:
        del entry["expects"]["wrapper-key"]
    workspace.layers["layer-2"]["sharpener"] = entry
    workspace.write()

    assert workspace.ran("layers/layer-2/dvc.yaml:validate@sharpener") == {
        "download@sharpener",
        "validate@sharpener",
    }
