"""The bytes that are scanned are the bytes that are loaded."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from restoration_models.scan import (
    CheckpointChanged,
    CheckpointFileFailed,
    Identity,
    UnreadableCheckpoint,
    loadable_path,
    open_checkpoint,
    scan,
)
from support.hostile_parts import Entry, described, glob, proto, safetensors, text, torch_zip


def test_another_file_under_the_name_is_not_what_is_loaded(tmp_path: Path) -> None:
    """The race that scanning a path and loading a path would lose."""
    torch = pytest.importorskip("torch")
    path, evil = tmp_path / "checkpoint.pth", tmp_path / "evil.pth"
    path.write_bytes(torch_zip())
    evil.write_bytes(torch_zip(proto(glob("os", "mkdir") + text(str(tmp_path / "canary")) + b"\x85R")))
    with open_checkpoint(path) as file:
        before = Identity.of(file)
        scan(file)
        evil.replace(path)
        loaded = torch.load(loadable_path(file), weights_only=True, mmap=True, map_location="cpu")
        # It lost its name meanwhile: whoever scanned it knows.
        with pytest.raises(CheckpointChanged):
            before.require(file)
    assert loaded["weight"].tolist() == [1, 2, 3, 4]


def test_loadable_path_opens_the_same_file_even_when_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(torch_zip())
    with open_checkpoint(path) as file:
        path.unlink()
        again = loadable_path(file)
        assert Path(again).suffix == ""
        assert Path(again).read_bytes() == torch_zip()


def test_safetensors_library_reads_through_it_too(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors({"weight": described()}))
    with open_checkpoint(path) as file:
        scan(file)
        assert library.load_file(loadable_path(file))["weight"].tolist() == [1, 2, 3, 4]


def test_writing_to_the_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(torch_zip())
    with open_checkpoint(path) as file:
        before = Identity.of(file)
        before.require(file)
        with path.open("r+b") as writer:
            writer.seek(200)
            writer.write(b"x")
        with pytest.raises(CheckpointChanged, match="changed while it was being read"):
            before.require(file)


def test_a_writer_who_sets_the_time_back_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(torch_zip())
    earlier = path.stat()
    with open_checkpoint(path) as file:
        before = Identity.of(file)
        wait_for_the_clock(path)
        with path.open("r+b") as writer:
            writer.write(b"P")  # the very byte that was there
        os.utime(path, ns=(earlier.st_atime_ns, earlier.st_mtime_ns))
        with pytest.raises(CheckpointChanged):
            before.require(file)


def wait_for_the_clock(path: Path) -> None:
    """Until the system stamps files with a later time than `path` has: its clock ticks in milliseconds."""
    probe = path.with_suffix(".probe")
    while (
        probe.unlink(missing_ok=True) or probe.touch() or probe.stat().st_ctime_ns <= path.stat().st_ctime_ns
    ):
        continue
    probe.unlink()


def test_scan_itself_notices_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(torch_zip())

    class Meddler(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            os.utime(path, ns=(1, 1))
            return super().read(size)

    with Meddler(path) as file, pytest.raises(CheckpointChanged):
        scan(file)  # type: ignore[arg-type]


def test_position_is_kept_and_short_reads_are_fine(tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 7) if size and size > 0 else size)

    file = Slow(torch_zip())
    file.seek(5)
    assert scan(file).tensors == 1
    assert file.tell() == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_does_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "checkpoint.pth"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableCheckpoint, match="not a regular file"):
        scan(pipe)


def test_folder_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCheckpoint, match="not a regular file"):
        scan(tmp_path)
    with pytest.raises(CheckpointFileFailed, match=r"gone\.pth: cannot be read: No such file"):
        scan(tmp_path / "gone.pth")
    with pytest.raises(CheckpointFileFailed, match="invalid name"):
        scan(tmp_path / "a\0b")


def test_reading_fails(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(CheckpointFileFailed, match="cannot be read: Input/output error"):
        scan(Broken(b"x"))


def test_name_in_the_message_holds_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2Jb\n.pth"
    path.write_bytes(b"")
    with pytest.raises(UnreadableCheckpoint) as caught:
        scan(path)
    assert str(caught.value).startswith(r"'a\x1b[2Jb\n.pth': is empty")


def test_member_name_in_the_message_is_short() -> None:
    data = torch_zip(proto(b"}"), Entry("a/" + "y" * 200, b"1"))
    with pytest.raises(Exception, match="…'") as caught:
        scan(io.BytesIO(data))
    assert len(str(caught.value)) < 300
