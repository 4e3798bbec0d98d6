"""Checkpoints in git are found by place, extension, size and first bytes."""

from __future__ import annotations

import struct

import pytest

from restoration_models.check.weights import committed
from restoration_models.revision import Blob
from support.reviewed import Reviewed, picture
from support.servers import git

TORCH_ZIP = b"PK\x03\x04" + bytes(26) + b"model/data.pkl" + bytes(900)
LEGACY = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + bytes(900)
SAFETENSORS = struct.pack("<Q", 40) + b'{"__metadata__":{"format":"pt"}}' + bytes(900)
PICKLE = b"\x80\x04\x95\x10\0\0\0" + bytes(900)


def faults(path: str, content: bytes, size: int | None = None) -> list[str]:
    blob = Blob(path, len(content) if size is None else size)
    return [problem.what for problem in committed([blob], {path: content})]


@pytest.mark.parametrize("content", [TORCH_ZIP, LEGACY, SAFETENSORS, PICKLE, b"GGUF" + bytes(900)])
@pytest.mark.parametrize("path", ["weights", "docs/a.bin", "layers/layer-1/cleaner/weights.png"])
def test_a_checkpoint_under_any_name(path: str, content: bytes) -> None:
    [what] = faults(path, content)

    assert what == f"a checkpoint is committed to git ({len(content)} bytes)"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("a/b.pth", "a checkpoint is committed to git (3 bytes)"),
        ("model.SAFETENSORS", "a checkpoint is committed to git (3 bytes)"),
        ("layers/layer-1/cleaner/notes.txt", "a file that is no part of a layer"),
        ("layers/layer-1/cleaner/more/README.md", "a file that is no part of a layer"),
        ("layers/layer-1/cleaner/sample.png", "not a PNG picture, whatever its name says"),
    ],
)
def test_by_place_and_extension(path: str, what: str) -> None:
    assert faults(path, b"abc") == [what]


def test_by_size() -> None:
    assert faults("blob", b"\0", 5_000_000) == ["a file of 5.0 MB is committed to git, more than 1 MB"]
    assert faults("notes.md", b"a", 5_000_000) == []
    assert faults("notes.md", b"a", 9_000_000) == ["a file of 9.0 MB is committed to git, more than 8 MB"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("layers/layer-1/params.yaml", b"title: a"),
        ("layers/layer-1/reports/a.json", b"{}"),
        ("layers/layer-1/reports/.gitkeep", b""),
        ("layers/layer-1/a/README.md", b"# a"),
        ("layers/layer-1/a/sample.png", picture(1)),
        ("docs/page.png", picture(2)),
        ("wheel.zip", b"PK\x03\x04" + bytes(26) + b"package/__init__.py"),
        ("tests/data/small.pth", TORCH_ZIP),
        ("scripts/a.py", b"import pickle"),
        ("data.json", b'{"a": 1}'),
    ],
)
def test_what_belongs_in_git(path: str, content: bytes) -> None:
    assert faults(path, content) == []


def test_what_git_does_not_have_yet_is_not_called_committed() -> None:
    blob = Blob("layers/layer-1/foo.pth", 3, tracked=False)
    [problem] = committed([blob], {blob.path: b"abc"})

    assert problem.what == "a checkpoint is where git would take it (3 bytes)"
    assert problem.remedy == (
        "move it out of the repository; `models add FILE` enters a checkpoint, and DVC keeps it"
    )


def test_a_large_checkpoint_is_no_fixture() -> None:
    assert faults("tests/data/large.pth", TORCH_ZIP, 500_000) == ["a checkpoint is committed to git (0.5 MB)"]


def test_a_link_in_a_layer() -> None:
    blob = Blob("layers/layer-1/a/README.md", 0, regular=False)

    assert [problem.what for problem in committed([blob], {})] == [
        "a link or a submodule, where only files may be"
    ]


def test_the_repository_itself_has_none(repository: Reviewed) -> None:
    tracked = git(repository.root, "ls-files").splitlines()

    assert not [name for name in tracked if name.endswith((".pth", ".pkl"))]
