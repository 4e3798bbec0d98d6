"""Somebody exchanges the checkpoint between the scan and the load: what was scanned is loaded, or nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from restoration_models import checkpoint
from restoration_models.checkpoint import Checkpoint, UnloadableCheckpoint
from restoration_models.download.events import silent
from restoration_models.scan import CheckpointChanged, Identity, UnsafeCheckpoint, scan
from restoration_models.training import wanted as wanting
from support.hostile_parts import described, glob, legacy, proto, safetensors, text, torch_zip

GOOD = torch_zip()


def evil(canary: Path) -> bytes:
    """A checkpoint that makes the folder `canary` where it is loaded without restriction."""
    return torch_zip(proto(glob("os", "mkdir") + text(str(canary)) + b"\x85R"))


def renamed(path: Path, data: bytes) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(data)
    other.replace(path)


def written(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


def written_and_set_back(path: Path, data: bytes) -> None:
    before = path.stat()
    written(path, data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("exchange", [renamed, written, written_and_set_back])
def test_between_scan_and_load(tmp_path: Path, exchange: Callable[[Path, bytes], None]) -> None:
    path, canary = tmp_path / "checkpoint.pth", tmp_path / "canary"
    path.write_bytes(GOOD)
    unlike_now(path)
    with pytest.raises(CheckpointChanged), checkpoint.opened(path) as file:
        scanned = file.scan()
        exchange(path, evil(canary))
        file.load(scanned)
    assert not canary.exists()


@pytest.mark.parametrize("exchange", [renamed, written, written_and_set_back])
def test_at_the_last_moment(
    tmp_path: Path, exchange: Callable[[Path, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torch opens it, after every check: another name changes nothing, other bytes are noticed."""
    path, canary = tmp_path / "checkpoint.pth", tmp_path / "canary"
    path.write_bytes(GOOD)
    unlike_now(path)
    real, seen = torch.load, []

    def late(source: Any, **options: Any) -> Any:
        exchange(path, evil(canary))
        seen.append(Path(source).read_bytes())
        return real(source, **options)

    monkeypatch.setattr(torch, "load", late)
    with pytest.raises((CheckpointChanged, UnloadableCheckpoint)), checkpoint.opened(path) as file:
        file.load(file.scan())
    assert not canary.exists()
    assert seen == [GOOD if exchange is renamed else evil(canary)]


def test_a_file_that_is_touched_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC gives one file several names: a load beside that begins anew instead of failing."""
    path = tmp_path / "checkpoint.pth"
    torch.save({"params": {"w": torch.ones(3)}}, path)
    unlike_now(path)
    rounds: list[int] = []

    def once(*_: object, **__: object) -> Any:
        rounds.append(len(rounds))
        if len(rounds) < wanting.TRIES:
            path.with_name(f"link-{len(rounds)}").hardlink_to(path)
        return type("Network", (), {"input_channels": 3})()

    monkeypatch.setattr("restoration_models.architectures.load", once)
    asked = wanting.Wanted(
        slug="a", sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=path.stat().st_size, md5=None,
        file=path.name, task="", family="", architecture="x", wrapper_key="params", input_channels=3,
        allow_globals=(), head=(), licence="", commit=None, origin="",
    )  # fmt: skip
    located = wanting.Located(asked, (path,), lambda _: path)
    assert wanting.build(located, verify=True, report=silent)[0] == path
    assert len(rounds) == wanting.TRIES


def test_the_payload_would_run_without_the_scan(tmp_path: Path) -> None:
    """Else a canary that never appears would prove nothing."""
    canary = tmp_path / "canary"
    path = tmp_path / "evil.pth"
    path.write_bytes(evil(canary))
    with pytest.raises(UnsafeCheckpoint):
        scan(path)
    assert not canary.exists()
    torch.load(path, weights_only=False)
    assert canary.is_dir()


@pytest.mark.parametrize("container", ["torch-zip", "torch-legacy", "safetensors"])
def test_the_path_is_opened_once(tmp_path: Path, container: str) -> None:
    """Digests, scan and load of a file that has no name any more: nothing goes by its path."""
    path = tmp_path / "checkpoint.pth"
    content = {
        "torch-zip": GOOD,
        "torch-legacy": legacy(),
        "safetensors": safetensors({"weight": described()}),
    }
    path.write_bytes(content[container])
    with pytest.raises(CheckpointChanged), checkpoint.opened(path) as file:
        path.unlink()
        (tmp_path / "checkpoint.pth").write_bytes(b"another")
        assert file.digests().sha256 == hashlib.sha256(content[container]).hexdigest()
        scanned = file.scan()
        assert scanned.container == container
        # Its own rule would refuse here already: the file lost its name.
        again = Checkpoint(path, file.file, Identity.of(file.file))
        assert again.load(scanned)["weight"].tolist() == [1, 2, 3, 4]


def unlike_now(path: Path) -> None:
    """Wait until the system stamps files with a later time than `path` has (its clock ticks in ms)."""
    probe = path.with_suffix(".probe")
    while True:
        probe.unlink(missing_ok=True)
        probe.touch()
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            probe.unlink()
            return
