"""The main job on full-size checkpoints: origins that behave like the real hosts, real DVC, real MinIO."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from support import checkpoints
from support.origin import Faults, Origin
from support.servers import Server, dvc, git, models
from support.workspace import Workspace, declare

GITHUB = "https://github.com/swz30/Restormer/releases/download/v1.0/real_denoising.pth"
HUB = "https://huggingface.co/deepinv/Restormer/resolve/aa2667c79d766b67da2c1489c7ce5f0423bae798/real_denoising.pth"
DRIVE = "https://drive.google.com/uc?id=14Fht1QQJ2gMlk4N1ERCRuElg8JfjrWWR"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.needs_minio
def test_refresh_push_and_pull_of_full_size_checkpoints(tmp_path: Path, minio_server: Server) -> None:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    restormer = checkpoints.full_size("restormer", upstream / "real_denoising.pth", 1)
    nafnet = checkpoints.full_size("nafnet", upstream / "NAFNet-SIDD-width64.pth", 2, width=64)
    assert restormer.stat().st_size > 100_000_000
    assert nafnet.stat().st_size > 460_000_000
    with Origin() as origin:
        # The release asset is gone; the mirror states its digest, as the hub does. Drive asks first.
        origin.add(GITHUB, b"", Faults(status=404))
        origin.hub(HUB, restormer.read_bytes())
        origin.drive(DRIVE.partition("id=")[2], nafnet.read_bytes())
        workspace = Workspace(
            tmp_path / "workspace",
            {
                "layer-1": {"denoiser": declare("restormer", restormer, GITHUB, HUB)},
                "layer-2": {"sharpener": declare("nafnet", nafnet, DRIVE)},
            },
        ).begin()

        refreshed = workspace.models("refresh", "--jobs", "2", "--json", **origin.environ())

        assert refreshed.returncode == 0, refreshed.stderr
        assert {one["model"]: one["outcome"] for one in json.loads(refreshed.stdout)} == {
            "denoiser": "new",
            "sharpener": "new",
        }
        assert "404" in refreshed.stderr
        asked = len(origin.seen())

        again = workspace.models("refresh", "--json", **origin.environ())
        assert {one["outcome"] for one in json.loads(again.stdout)} == {"unchanged"}
        assert len(origin.seen()) == asked
    workspace.commit("Refresh the models")
    workspace.use(minio_server)
    assert "2 files pushed" in workspace.dvc("push").stdout
    checked = workspace.models("check")
    assert checked.stdout == "no problem found\n", checked.stderr

    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(workspace.root), str(clone))
    login = models(clone, "store", "login", "--from", str(workspace.root / ".dvc/config.local"))
    assert login.returncode == 0, login.stderr
    dvc(clone, "pull", "--allow-missing")

    assert sha256(clone / "layers/layer-1/denoiser/real_denoising.pth") == sha256(restormer)
    assert sha256(clone / "layers/layer-2/sharpener/NAFNet-SIDD-width64.pth") == sha256(nafnet)
    assert git(clone, "status", "--porcelain") == ""
    report = json.loads(workspace.project.report("layer-2", "sharpener").read_text())
    assert report["parameters"] == 115_982_915
    assert json.loads(workspace.project.report("layer-1", "denoiser").read_text())["parameters"] == 26_126_644
