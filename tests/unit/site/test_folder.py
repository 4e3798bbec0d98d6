"""The page's files in a folder: whole, twice the same, and nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models import site
from restoration_models.errors import WorldFailure
from restoration_models.site import NotOurs
from restoration_models.site.folder import MARKER

FIRST = {"index.html": b"one", "pictures/a-1.png": b"a"}
SECOND = {"index.html": b"two", "pictures/a-2.png": b"b"}


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def test_a_new_folder_an_empty_one_and_one_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "página"
    done = site.write(FIRST, folder)
    assert (done.written, done.removed, done.unchanged) == (tuple(sorted(FIRST)), (), 0)
    assert content(folder) == FIRST
    (tmp_path / "empty").mkdir()
    site.write(FIRST, tmp_path / "empty")
    assert content(tmp_path / "empty") == FIRST
    done = site.write(SECOND, folder)
    assert (done.written, done.removed) == (("index.html", "pictures/a-2.png"), ("pictures/a-1.png",))
    assert content(folder) == SECOND
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["página"]


@pytest.mark.parametrize(("umask", "files", "folders"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)])
def test_modes_are_what_the_umask_says(tmp_path: Path, umask: int, files: int, folders: int) -> None:
    before = os.umask(umask)
    try:
        site.write(FIRST, tmp_path / "page")
        first = modes(tmp_path / "page")
        site.write(SECOND, tmp_path / "page")
    finally:
        os.umask(before)
    assert first == {
        "": folders, "index.html": files, MARKER: files, "pictures": folders, "pictures/a-1.png": files,
    }  # fmt: skip
    assert set(modes(tmp_path / "page").values()) == {files, folders}


def modes(folder: Path) -> dict[str, int]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")} | {"": folder}
    return {name: path.stat().st_mode & 0o777 for name, path in paths.items()}


def test_a_second_time_touches_nothing(tmp_path: Path) -> None:
    site.write(FIRST, tmp_path / "page")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "page").rglob("*")}
    done = site.write(FIRST, tmp_path / "page")
    assert (done.written, done.removed, done.unchanged) == ((), (), 2)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "page").rglob("*")} == before


def test_files_of_others_in_our_folder_stay(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    site.write(FIRST, folder)
    (folder / "CNAME").write_text("models.example.org")
    (folder / "pictures" / "mine.png").write_bytes(b"mine")
    site.write(SECOND, folder)
    assert content(folder) == {**SECOND, "CNAME": b"models.example.org", "pictures/mine.png": b"mine"}


def test_what_went_missing_comes_back(tmp_path: Path) -> None:
    site.write(FIRST, tmp_path / "page")
    (tmp_path / "page" / "pictures" / "a-1.png").unlink()
    assert site.write(FIRST, tmp_path / "page").written == ("pictures/a-1.png",)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.odt").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / MARKER).write_text("something else")
    for name, reason in (
        ("full", "it is not empty"),
        ("file", "it is a file"),
        ("odd", "not what this program"),
    ):
        with pytest.raises(NotOurs, match=reason):
            site.write(FIRST, tmp_path / name)
    assert content(tmp_path / "full") == {"thesis.odt": b"x"}


def test_a_marker_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("mine")
    site.write(FIRST, tmp_path / "page")
    marker = tmp_path / "page" / MARKER
    marker.write_text(f"{marker.read_text()}../outside.txt\n{tmp_path}/outside.txt\n")
    site.write(SECOND, tmp_path / "page")
    assert (tmp_path / "outside.txt").read_text() == "mine"


def test_the_page_is_replaced_last_and_a_failure_leaves_the_former_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restoration_models.site import folder as module

    folder = tmp_path / "page"
    site.write(FIRST, folder)
    genuine = module.write_bytes

    def full(path: Path, data: bytes, *, mode: int | None) -> None:
        if path.name == "index.html":
            raise OSError(28, "No space left on device", str(path))
        genuine(path, data, mode=mode)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_bytes", full)
        with pytest.raises(WorldFailure):
            site.write(SECOND, folder)
        with pytest.raises(WorldFailure):
            site.write(SECOND, tmp_path / "other")
    assert content(folder) == {**FIRST, "pictures/a-2.png": b"b"}
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    site.write(SECOND, folder)
    assert content(folder) == SECOND


KILLED = """
import os, sys
from pathlib import Path
from restoration_models import files, site
genuine = os.fsync
def fsync(descriptor):
    if os.readlink(f"/proc/self/fd/{descriptor}").rpartition("/")[2].startswith(sys.argv[2]):
        os.kill(os.getpid(), 9)
    genuine(descriptor)
os.fsync = fsync
site.write({"index.html": b"three", "pictures/a-3.png": b"c"}, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("file", [".index.html", ".a-3.png"])
@pytest.mark.parametrize("begun", [False, True])
def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path, file: str, begun: bool) -> None:
    folder = tmp_path / "page"
    if begun:
        site.write(FIRST, folder)
        (folder / ".mine.new").touch()
    command = [sys.executable, "-c", KILLED, str(folder), file]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert [path for path in tmp_path.rglob("*") if path.name.startswith((".page.", file))]
    if begun:
        assert content(folder)["index.html"] == b"one"
    site.write(SECOND, folder)
    assert content(folder) == SECOND | ({".mine.new": b""} if begun else {})
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
