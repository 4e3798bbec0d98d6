"""Bad input, as a user meets it: one clear line, the right exit status, nothing under its final name."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support import checkpoints, hostile
from support.origin import Faults, Origin
from support.servers import Server
from support.workspace import Workspace, declare

OTHER = "0123456789abcdef" * 4


def validate(workspace: Workspace, path: Path, **changes: object) -> tuple[int, str]:
    """Declare the file at `path`, and validate it as the pipeline does; status and last line."""
    entry = declare("nafnet", path, **changes)
    workspace.layers["layer-2"]["sharpener"] = entry
    workspace.write()
    downloaded = workspace.models("download", "sharpener")
    assert downloaded.returncode == 0, downloaded.stderr
    expects = [word for key, value in entry["expects"].items() for word in (f"--{key}", str(value))]
    done = workspace.models("validate", "sharpener", "--protocol", "1", "--task", entry["task"], *expects)
    assert not workspace.project.report("layer-2", "sharpener").exists()
    assert not workspace.project.picture("layer-2", "sharpener").exists()
    assert not list(workspace.project.model("layer-2", "sharpener").iterdir())
    return one_line(done.returncode, done.stderr)


def one_line(status: int, stderr: str) -> tuple[int, str]:
    assert "Traceback" not in stderr
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    return status, lines[0]


def download(workspace: Workspace, entry: dict[str, object], **environment: str) -> tuple[int, str]:
    workspace.layers["layer-2"]["sharpener"] = entry
    workspace.write()
    done = workspace.models("download", "sharpener", **environment)
    assert "Traceback" not in done.stderr
    assert not (workspace.project.checkpoint("layer-2", "sharpener", "nafnet.pth")).exists()
    return done.returncode, done.stderr.splitlines()[-1]


def test_a_missing_file(workspace: Workspace) -> None:
    done = workspace.models(
        "validate", "sharpener", "--protocol", "1", "--task", "motion-deblurring", "--architecture", "NAFNet",
        "--wrapper-key", "params", "--input-channels", "3",
    )  # fmt: skip
    status, line = one_line(done.returncode, done.stderr)
    assert status == 1
    assert line.startswith("layers/layer-2/sharpener/nafnet.pth: the checkpoint is not here; `dvc pull ")


def test_a_wrong_digest(workspace: Workspace, upstream: Path) -> None:
    entry = declare("nafnet", upstream / "nafnet.pth", sha256=OTHER)
    status, line = download(workspace, entry)
    assert status == 1
    assert f"expected sha256 {OTHER}, came {checkpoints.digests(upstream / 'nafnet.pth')[1]}" in line


def test_an_html_page(workspace: Workspace, upstream: Path) -> None:
    with Origin() as origin:
        url = origin.add("/nafnet.pth", b"", Faults(page="<!doctype html><title>Sign in</title>"))
        status, line = download(workspace, declare("nafnet", upstream / "nafnet.pth", url))
    assert status == 3
    assert "127.0.0.1" in line
    assert "page" in line


def test_no_disk_space(workspace: Workspace, upstream: Path) -> None:
    size = 1 << 60
    status, line = download(workspace, declare("nafnet", upstream / "nafnet.pth", size=size))
    assert status == 3
    assert "free" in line


def test_another_digest_on_the_command_line(workspace: Workspace) -> None:
    done = workspace.models("download", "sharpener", "--sha256", OTHER)
    status, line = one_line(done.returncode, done.stderr)
    assert status == 2
    assert f"--sha256 is {OTHER}" in line


def test_another_expectation_on_the_command_line(workspace: Workspace) -> None:
    done = workspace.models(
        "validate", "sharpener", "--protocol", "1", "--task", "deraining", "--architecture", "NAFNet"
    )
    status, line = one_line(done.returncode, done.stderr)
    assert status == 2
    assert "--task is deraining, the catalogue says motion-deblurring" in line


def test_another_architecture(workspace: Workspace, upstream: Path) -> None:
    status, line = validate(workspace, upstream / "restormer-next.pth")
    assert status == 1
    assert "NAFNet" in line
    assert "Restormer" in line


def test_an_unknown_architecture(workspace: Workspace, tmp_path: Path) -> None:
    import torch

    path = checkpoints.save({"odd.weight": torch.ones(3)}, tmp_path / "nafnet.pth", wrapper_key="params")
    status, line = validate(workspace, path)
    assert status == 1
    assert "odd.weight" in line


def test_a_wrong_wrapper_key(workspace: Workspace, upstream: Path) -> None:
    expects = {"architecture": "NAFNet", "wrapper-key": "params_ema", "input-channels": 3}
    status, line = validate(workspace, upstream / "nafnet.pth", expects=expects)
    assert status == 1
    assert "params_ema" in line
    assert "params" in line


def test_weights_that_are_no_numbers(workspace: Workspace, tmp_path: Path) -> None:
    state = checkpoints.network("nafnet", 7).state_dict()
    state["ending.weight"][0, 0, 0, 0] = float("nan")
    path = checkpoints.save(state, tmp_path / "nafnet.pth", wrapper_key="params")
    status, line = validate(workspace, path)
    assert status == 1
    assert "ending.weight" in line
    assert "NaN" in line


def test_a_malicious_pickle(workspace: Workspace, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    case = next(case for case in hostile.cases(canary) if case.live)
    path = tmp_path / "nafnet.pth"
    path.write_bytes(case.data)
    status, line = validate(workspace, path)
    assert status == 1
    assert "nafnet.pth" in line or "sharpener" in line
    assert not canary.exists()
    scanned = workspace.models("scan", str(path))
    assert scanned.returncode == 1
    assert not canary.exists()


def test_the_store_is_down(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    workspace.dvc("remote", "modify", "--local", "minio", "endpointurl", f"http://127.0.0.1:{port}")
    workspace.dvc("remote", "modify", "--local", "minio", "access_key_id", "somebody")
    workspace.dvc("remote", "modify", "--local", "minio", "secret_access_key", "something")
    done = workspace.models("store", "status")
    status, line = one_line(done.returncode, done.stderr)
    assert status == 3
    assert f"127.0.0.1:{port}" in line


def test_wrong_keys(workspace: Workspace, seaweedfs_server: Server) -> None:
    done = workspace.models(
        "store", "login", "--endpoint", seaweedfs_server.endpoint, "--access-key", "nobody", "--secret-stdin",
        stdin="wrong\n",
    )  # fmt: skip
    status, line = one_line(done.returncode, done.stderr)
    assert status == 3
    assert "keys" in line
    assert not (workspace.root / ".dvc/config.local").exists()


@pytest.mark.parametrize(
    "arguments", [["show", "shapener"], ["readme", "layer-9"], ["download"], ["prove", "x"]]
)
def test_a_slip_of_the_fingers(workspace: Workspace, arguments: list[str]) -> None:
    done = workspace.models(*arguments)
    status, line = one_line(done.returncode, done.stderr)
    assert status in (1, 2)
    assert ";" in line  # what to do


def test_outside_a_repository(tmp_path: Path) -> None:
    from support.servers import models

    done = models(tmp_path, "list")
    status, line = one_line(done.returncode, done.stderr)
    assert status == 2
    assert "not inside a models repository" in line


def test_ten_faults_are_listed_with_their_places_in_one_run(workspace: Workspace) -> None:
    sharpener = workspace.layers["layer-2"]["sharpener"]
    cleaner = workspace.layers["layer-1"]["cleaner"]
    sharpener |= {"task": "dancing", "size": -1, "sha256": "xyz", "file": "../x.pth", "sources": []}
    cleaner |= {"family": "unknown", "colour": "red", "aliases": ["/etc/passwd"], "base": "nobody"}
    workspace.layers["layer-1"]["Not A Slug"] = dict(cleaner)
    workspace.write()

    done = workspace.models("check", "--offline")

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    found = [line for line in lines if "/params.yaml:" in line]
    places = {line.split(": ")[1] for line in found}
    assert {
        "models.sharpener.task",
        "models.sharpener.size",
        "models.sharpener.sha256",
        "models.sharpener.file",
        "models.sharpener",
        "models.cleaner.family",
        "models.cleaner.colour",
        "models.cleaner.aliases[0]",
        "models.cleaner.base",
        "models['Not A Slug']",
    } <= places, done.stderr
    assert all(line.split(":")[1].isdigit() for line in found)
    assert lines[-1].endswith("problems found")
