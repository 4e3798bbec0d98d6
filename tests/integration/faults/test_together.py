"""Several at once, in one clone, on one bucket, on one cache: no torn state, and everybody is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faults import scenes
from faults.bench import Bench
from faults.scenes import again
from restoration_models.store.verify import verify
from support.published import Shelf, Shop, sha256
from support.zygote import start

PULLS = 10


def test_two_refreshes_in_one_clone(bench: Bench, tmp_path: Path) -> None:
    """The second waits, and finds everything done; also what a DVC that was killed had left torn."""
    root = scenes.copy(bench.finished.root, tmp_path / "año uno")
    params = root / "layers/layer-1/params.yaml"
    params.write_text(params.read_text().replace("A nafnet", "Another text"))
    torn = root / "layers/layer-1/dvc.lock"
    whole = torn.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    both = [
        start("models", "refresh", "--json", cwd=root, log=tmp_path / f"log {number}") for number in range(2)
    ]
    assert [one.wait() for one in both] == [0, 0], "\n".join(one.output for one in both)
    assert scenes.torn(root, {}) == []
    assert scenes.left_over(root) == []
    assert "Another text" in (root / "layers/layer-1/sharpener/README.md").read_text()
    assert torn.read_bytes() == whole
    assert sum("waiting" in one.output for one in both) == 1
    assert sum("taken back to what git has" in one.output for one in both) == 1
    for one in both:
        answer = json.loads(one.output[one.output.index("[\n") : one.output.rindex("]") + 1])
        assert [(each["model"], each["outcome"]) for each in answer] == [("sharpener", "unchanged")]


@pytest.mark.needs_minio
def test_two_clones_push_at_once(stocked: Shelf, on_minio: Shop, tmp_path: Path) -> None:
    """Some objects are both clones', some are one's own: the bucket has all of them, whole."""
    clones = []
    for number in range(2):
        shelf = again(stocked, tmp_path / f"clone {number}")
        shelf.put(f"own-{number}", f"of clone {number}".encode() * 100_000)
        shelf.commit()
        shelf.use(on_minio)
        shelf.keep()
        clones.append(shelf)
    both = [start("dvc", "push", cwd=one.root, log=one.root.with_suffix(".log")) for one in clones]
    assert [one.wait() for one in both] == [0, 0], "\n".join(one.output for one in both)
    for one in clones:
        result = verify(one.project)
        assert result.problems == ()
        assert len(result.objects) == 4


@pytest.mark.needs_minio
def test_ten_pulls_at_once_on_one_cache(stocked: Shelf, on_minio: Shop, tmp_path: Path) -> None:
    """Ten clones share a cache, as machines of a cluster do: each has the locked bytes in the end."""
    cache = tmp_path / "cache"
    stocked.push(on_minio)
    clones = [again(stocked, tmp_path / f"clone {number}") for number in range(PULLS)]
    for one in clones:
        one.use(on_minio)
        config = one.project.dvc_folder / "config.local"
        config.write_text(f"{config.read_text()}[cache]\n    dir = {cache}\n    type = symlink\n")
    pulls = [start("dvc", "pull", cwd=one.root, log=one.root.with_suffix(".log")) for one in clones]
    ended = [one.wait() for one in pulls]
    assert ended == [0] * PULLS, "\n".join(one.output for one in pulls)
    right = {sha256(content) for content in stocked.contents.values()}
    for one in clones:
        there = {sha256(path.read_bytes()) for path in one.root.glob("layers/*/*/*.pth")}
        assert there == right
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert {sha256(path.read_bytes()) for path in kept} == right
    assert len(kept) == len(right)
