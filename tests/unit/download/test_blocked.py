"""Folders under the names that the inbox keeps its files by: a failure of the disk, told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoration_models.download import Places, Request, fetch
from restoration_models.files import DiskFailure
from support.downloads import content, sha256

DATA = content(1000)
NAME = sha256(DATA)


@pytest.mark.parametrize("store", [True, False], ids=["store", "source"])
@pytest.mark.parametrize("name", [NAME, f"{NAME}.partial", f"{NAME}.store", f"{NAME}.partial.json.new"])
def test_a_folder_in_the_way_is_named(tmp_path: Path, name: str, store: bool) -> None:
    origin = tmp_path / "origin"
    origin.write_bytes(DATA)
    inbox = tmp_path / "inbox"
    (inbox / name).mkdir(parents=True)
    places = Places(
        inbox=inbox,
        root=tmp_path,
        fetch_from_store=(lambda _md5, path: path.write_bytes(DATA)) if store else None,
    )
    request = Request.of("a", sha256=NAME, size=len(DATA), sources=(f"file:{origin}",), md5="0" * 32)

    with pytest.raises(DiskFailure, match=name.replace(".", "[.]")):
        fetch(request, places)
    assert (inbox / name).is_dir()
