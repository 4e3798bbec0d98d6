"""Disks that are full, get full, are read-only, or are several: an error that says so, and no torn file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faults.scenes import again
from restoration_models import files
from restoration_models.download import DiskFailure, NoSpace, fetch, plan
from restoration_models.download.events import Progress
from restoration_models.project import Project
from support.downloads import QUICK, content, names, places, request
from support.origin import Faults, Origin
from support.published import Shelf, Shop, sha256
from support.zygote import run

DATA = content(3_000_000, seed=4)
PATIENT = replace(QUICK, first_part=1 << 18, smallest_part=1 << 17, largest_part=1 << 19, block=1 << 16)
MakeDisk = Callable[[str], Path]


def fill(folder: Path) -> Path:
    """Take the last byte of a disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            while True:
                try:
                    if file.write(bytes(size)) < size:
                        break
                except OSError:
                    break
    return filler


def again_read_only(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


def test_a_disk_that_fills_while_a_file_arrives(disk: MakeDisk) -> None:
    """One line, nothing under the name; with space again, the next run fetches what is missing."""
    place = disk("4m")
    with Origin() as origin:
        url = origin.add("/weights.pth", DATA, Faults(rate=2_000_000))
        at = places(place, PATIENT)
        wanted = request(DATA, url, folder=place)
        fillers = []

        def report(event: object) -> None:
            if isinstance(event, Progress) and event.done > 1_000_000 and not fillers:
                fillers.append(fill(place))

        with pytest.raises(NoSpace, match="the disk is full; free some space") as caught:
            fetch(wanted, at, report)
        assert caught.value.status == 3
        assert wanted.destination is not None
        assert not wanted.destination.exists()
        fillers[0].unlink()
        had = plan(wanted, at).resume
        assert had > 0
        origin.add("/weights.pth", DATA)
        got = fetch(wanted, at)
        assert got.resumed == had
        # What the full disk could not take came for nothing.
        assert origin.sent() < len(DATA) + 1_000_000
    assert wanted.destination.read_bytes() == DATA
    assert names(at.inbox) == []


def test_a_disk_that_is_read_only(disk: MakeDisk) -> None:
    place = disk("8m")
    with Origin() as origin:
        wanted = request(DATA, origin.add("/weights.pth", DATA), folder=place)
        at = places(place, PATIENT)
        again_read_only(place, "ro")
        with pytest.raises(DiskFailure, match="Read-only file system; check the disk"):
            fetch(wanted, at)
        assert origin.seen() == []
        assert names(place) == []
        again_read_only(place, "rw")
        assert fetch(wanted, at).path.read_bytes() == DATA


def test_a_full_disk_leaves_what_is_there(disk: MakeDisk) -> None:
    place = disk("1m")
    path = place / "params.yaml"
    files.write_text(path, "before: true\n")
    filler = fill(place)
    with pytest.raises(NoSpace):
        files.write_text(path, "after: true\n" * 10_000)
    assert path.read_text() == "before: true\n"
    assert sorted(names(place)) == ["filler", "params.yaml"]
    filler.unlink()
    files.write_text(path, "after: true\n")
    assert path.read_text() == "after: true\n"


def test_cards_on_a_full_and_on_a_read_only_disk(stocked: Shelf, disk: MakeDisk, tmp_path: Path) -> None:
    """A command says it in one line, and the card that is there stays whole."""
    shelf = again(stocked, disk("16m") / "repo")
    card = shelf.project.layer_card("layer-1")
    before = card.read_bytes()
    params = shelf.project.layer_catalogue("layer-1")
    params.write_text(params.read_text().replace("modelo cleaner", "otro texto"))
    filler = fill(shelf.root)
    for number, how in enumerate(("full", "ro")):
        if how == "ro":
            filler.unlink()
            again_read_only(shelf.root.parent, "ro")
        done = run("models", "readme", "layer-1", cwd=shelf.root, log=tmp_path / f"log{number}")
        assert done.wait() == 3, done.output
        assert done.output.count("\n") == 1
        assert {"full": "the disk is full", "ro": "Read-only file system"}[how] in done.output
        assert card.read_bytes() == before
    again_read_only(shelf.root.parent, "rw")
    assert run("models", "readme", "layer-1", cwd=shelf.root, log=tmp_path / "log").wait() == 0
    assert [path for path in shelf.root.rglob(".*.new") if ".git" not in path.parts] == []


@pytest.mark.needs_minio
def test_a_pull_onto_a_disk_that_is_too_small(
    stocked: Shelf, on_minio: Shop, disk: MakeDisk, tmp_path: Path
) -> None:
    """It fails, with nothing wrong under any name; with space it completes."""
    shelf = again(stocked, disk("4m") / "repo")
    place = shelf.root.parent
    shelf.use(on_minio)
    shelf.push(on_minio)
    refused = run("dvc", "pull", cwd=shelf.root, log=tmp_path / "1")
    assert refused.wait() != 0
    assert "No space left on device" in refused.output
    assert_right(shelf, everything=False)
    again_read_only(place, "size=64m")
    done = run("dvc", "pull", cwd=shelf.root, log=tmp_path / "2")
    assert done.wait() == 0, done.output
    assert_right(shelf, everything=True)


@pytest.mark.needs_minio
def test_where_hard_links_are_not_possible(
    shelf: Shelf, on_minio: Shop, disk: MakeDisk, tmp_path: Path
) -> None:
    """Cache on one disk, workspace on another, scratch space on a third: copies, each byte for byte."""
    cache, scratch = disk("16m"), disk("64m")
    shelf.use(on_minio)
    shelf.push(on_minio)
    # DVC itself cannot write a path of other letters into its configuration.
    link = tmp_path / "cache"
    link.symlink_to(cache)
    configured = run("dvc", "config", "--local", "cache.dir", str(link), cwd=shelf.root, log=tmp_path / "1")
    assert configured.wait() == 0, configured.output
    done = run("dvc", "pull", cwd=shelf.root, log=tmp_path / "2")
    assert done.wait() == 0, done.output
    assert_right(shelf, everything=True)
    temporary = shelf.project.temporary
    subprocess.run(["rm", "-rf", str(temporary)], check=True)
    temporary.symlink_to(scratch)
    place = shelf.project.checkpoint("layer-1", "cleaner", "cleaner.pth")
    place.unlink()
    # Out of the cache, over the inbox, to its place: three disks.
    taken = run("models", "download", "cleaner", cwd=shelf.root, log=tmp_path / "3")
    assert taken.wait() == 0, taken.output
    assert_right(shelf, everything=True)
    with pytest.raises(OSError, match="cross-device"):
        os.link(place, scratch / "link")
    files.link_or_copy(place, scratch / "copy")
    assert (scratch / "copy").read_bytes() == shelf.contents["cleaner"]


def assert_right(shelf: Shelf, *, everything: bool) -> None:
    project = Project(shelf.root)
    for layer, entries in shelf.entries.items():
        for slug in entries:
            path = project.checkpoint(layer, slug, f"{slug}.pth")
            if everything or path.exists():
                assert sha256(path.read_bytes()) == sha256(shelf.contents[slug])
