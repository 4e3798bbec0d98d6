"""A name always holds a whole file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models import files


def test_writes_replaces_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    files.write_text(path, "uno\nñ\n")
    assert path.read_bytes() == "uno\nñ\n".encode()
    files.write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_mode_is_as_asked_for_whatever_stood_there(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    files.write_bytes(path, b"new", mode=mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        files.write_bytes(path, b"new")
        assert reader.read() == b"old"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"kept")
    link.symlink_to(target)
    files.write_bytes(link, b"new")
    assert (target.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"kept", b"new", False)


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    """A folder stands where the file should go: the last step, the rename, fails."""
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "inside").write_bytes(b"x")
    with pytest.raises(files.DiskFailure, match="taken"):
        files.write_bytes(taken, b"new")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["taken"]
    assert [each.name for each in taken.iterdir()] == ["inside"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(files.DiskFailure, match="a"):
        files.write_bytes(tmp_path / "a" / "b", b"new")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_what_a_killed_writer_left_is_taken_away_by_the_next(tmp_path: Path) -> None:
    """A living writer's file, and other names, stay."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    left = tmp_path / f".file.{done.pid}.abcdefgh.new"
    others = [
        tmp_path / f".file.{os.getpid()}.abcdefgh.new",
        tmp_path / f".other.{done.pid}.abcdefgh.new",
        tmp_path / ".file.new",
    ]
    for path in (left, *others):
        path.touch()
    files.write_bytes(tmp_path / "file", b"new")
    assert not left.exists()
    assert all(path.exists() for path in others)
    files.sweep(tmp_path)
    assert [path.exists() for path in others] == [True, False, True]
