"""One DVC cache for all machines of a cluster, as integrations/minio/README.md sets it up."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from support.published import Shelf, Shop, sha256, shop
from support.servers import REPOSITORY, Server, dvc, git

README = REPOSITORY / "integrations" / "minio" / "README.md"


def recipe() -> list[list[str]]:
    """The `dvc` commands of the README's part on the shared cache."""
    text = README.read_text(encoding="utf-8")
    part = text[text.index("## One cache for a cluster") :]
    block = re.search(r"```sh\n(.*?)```", part[part.index("each clone") :], re.DOTALL)
    assert block
    lines = [line.partition("#")[0].strip() for line in block[1].splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("dvc ")]


@pytest.mark.needs_minio
def test_the_second_clone_downloads_nothing(minio_server: Server, tmp_path: Path) -> None:
    with shop(minio_server) as bucket:
        shelf = Shelf.begin(tmp_path / "models")
        shelf.put("cleaner", b"weights of cleaner")
        shelf.commit()
        shelf.push(bucket)
        shared = tmp_path / "shared-cache"
        first, second = (clone(shelf, bucket, tmp_path / name, shared) for name in ("one", "two"))
        dvc(first, "pull")
        # The store is not asked again: its objects are gone.
        for name in bucket.names():
            bucket.speaker.remove_object(bucket.settings.bucket, name)
        dvc(second, "pull")
        for root in (first, second):
            weights = root / "layers/layer-1/cleaner/cleaner.pth"
            assert weights.is_symlink() and weights.resolve().is_relative_to(shared)
            assert sha256(weights.read_bytes()) == sha256(shelf.contents["cleaner"])
        assert not (first / ".dvc/cache").exists()


def clone(shelf: Shelf, bucket: Shop, root: Path, shared: Path) -> Path:
    git(shelf.root.parent, "clone", "--quiet", str(shelf.root), str(root))
    Shelf(root).use(bucket)
    for arguments in recipe():
        dvc(root, *(word.replace("/srv/models/dvc-cache", str(shared)) for word in arguments))
    assert git(root, "status", "--porcelain") == ""
    return root
