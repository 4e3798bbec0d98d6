"""``models pull``: what ``dvc pull`` brings, proved on its way, in DVC's own cache and places."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from faults.scenes import again
from support.published import Shelf, Shop, sha256
from support.servers import free_port, git
from support.zygote import Command, run

EVERY = {"cleaner", "flattener", "sharpener"}


NOTHING_WRONG: dict[str, object] = {"in_the_way": [], "failed": {}}


def pull(shelf: Shelf, *words: str, cwd: Path | None = None) -> Command:
    log = shelf.root.with_suffix(".log")
    log.unlink(missing_ok=True)
    done = run("models", "pull", *words, cwd=cwd or shelf.root, log=log)
    done.wait()
    return done


def answer(shelf: Shelf, *words: str) -> dict[str, object]:
    done = pull(shelf, "--json", *words)
    assert done.process.exitcode == 0, done.output
    found: dict[str, object] = json.loads(done.output[done.output.index("{\n") :])
    return found


def there(shelf: Shelf) -> dict[str, str]:
    """sha256 of every checkpoint in its place, by slug."""
    return {path.stem: sha256(path.read_bytes()) for path in shelf.root.glob("layers/*/*/*.pth")}


def right(shelf: Shelf) -> dict[str, str]:
    return {slug: sha256(content) for slug, content in shelf.contents.items()}


def dvc_says(shelf: Shelf, *words: str) -> str:
    done = run("dvc", *words, cwd=shelf.root, log=shelf.root.with_suffix(".dvc.log"))
    assert done.wait() == 0, done.output
    return done.output


def test_everything_comes_as_dvc_would_have_it(shelf: Shelf, bucket: Shop) -> None:
    shelf.use(bucket)
    shelf.push(bucket)
    total = sum(map(len, shelf.contents.values()))
    assert answer(shelf) == {
        "fetched": sorted(EVERY, key=list(shelf.contents).index),
        "bytes": total,
        "placed": 3,
        "present": 0,
        "in_the_way": [],
        "failed": {},
    }
    assert there(shelf) == right(shelf)
    for path in (shelf.project.dvc_folder / "cache").rglob("*"):
        assert path.is_dir() or stat.S_IMODE(path.stat().st_mode) == 0o444
    assert [*shelf.project.inbox.iterdir()] == []
    assert "Everything is up to date" in dvc_says(shelf, "pull")
    assert git(shelf.root, "status", "--porcelain") == ""

    assert answer(shelf) == {"fetched": [], "bytes": 0, "placed": 0, "present": 3} | NOTHING_WRONG
    lost = shelf.project.checkpoint("layer-1", "cleaner", "cleaner.pth")
    lost.unlink()
    assert answer(shelf) == {"fetched": [], "bytes": 0, "placed": 1, "present": 2} | NOTHING_WRONG
    assert there(shelf) == right(shelf)


def test_only_what_was_asked_for(shelf: Shelf, bucket: Shop) -> None:
    shelf.use(bucket)
    shelf.push(bucket)
    shelf.declare("dreamer")
    shelf.commit()
    assert pull(shelf, "cleaner", cwd=shelf.root / "layers").process.exitcode == 0
    assert set(there(shelf)) == {"cleaner"}
    never = pull(shelf, "cleaner", "dreamer")
    assert (never.process.exitcode, set(there(shelf))) == (1, {"cleaner"})
    assert "dreamer: was never locked: the store cannot have it; `models refresh`" in never.output
    unknown = pull(shelf, "claener")
    assert (unknown.process.exitcode, "did you mean cleaner" in unknown.output) == (1, True)
    # A model that was only declared keeps nobody from the others.
    assert answer(shelf)["placed"] == 2
    assert set(there(shelf)) == EVERY


def test_what_the_store_has_wrong_or_not_at_all(shelf: Shelf, bucket: Shop) -> None:
    """The others come; what is not the locked file is nowhere."""
    shelf.use(bucket)
    shelf.push(bucket)
    names = sorted(bucket.names())
    of = {bucket.read(name): name for name in names}
    damaged, missing = of[shelf.contents["cleaner"]], of[shelf.contents["sharpener"]]
    content = shelf.contents["cleaner"]
    bucket.write(damaged, content[:-1] + b"!")
    bucket.speaker.remove_object(bucket.settings.bucket, missing)
    done = pull(shelf)
    assert done.process.exitcode == 3
    assert set(there(shelf)) == {"flattener"}
    last = done.output.splitlines()[-1]
    assert last.startswith("2 of the locked checkpoints did not come: cleaner: delivered other bytes: ")
    assert f"the store has no object {missing}" in last
    kept = [path for path in (shelf.project.dvc_folder / "cache").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [shelf.contents["flattener"]]

    bucket.write(damaged, content)
    bucket.write(missing, shelf.contents["sharpener"])
    assert answer(shelf)["placed"] == 2
    assert there(shelf) == right(shelf)


def test_the_former_version_makes_way_and_what_nobody_else_has_does_not(shelf: Shelf, bucket: Shop) -> None:
    shelf.use(bucket)
    shelf.push(bucket)
    answer(shelf)
    shelf.put("cleaner", b"retrained" * 100_000)
    shelf.commit()
    shelf.push(bucket)
    assert answer(shelf)["fetched"] == ["cleaner"]
    assert there(shelf) == right(shelf)

    # Nobody has these bytes but this machine; the others come all the same.
    place = shelf.project.checkpoint("layer-2", "flattener", "flattener.pth")
    place.unlink()
    place.write_bytes(b"trained all night")
    shelf.project.checkpoint("layer-1", "cleaner", "cleaner.pth").unlink()
    done = pull(shelf)
    assert done.process.exitcode == 1
    told = "layers/layer-2/flattener/flattener.pth: has other bytes than the lock"
    assert done.output.splitlines()[-1].startswith(told)
    assert place.read_bytes() == b"trained all night"
    assert there(shelf).keys() == EVERY


@pytest.mark.parametrize("damage", ["cut off", "written to"])
def test_a_cache_that_was_written_to_is_not_believed(shelf: Shelf, on_minio: Shop, damage: str) -> None:
    """What is not whole, or no longer protected as DVC protects it, is proved or fetched anew."""
    shelf.use(on_minio)
    shelf.push(on_minio)
    answer(shelf)
    place = shelf.project.checkpoint("layer-1", "cleaner", "cleaner.pth")
    cached = next(path for path in (shelf.root / ".dvc/cache").rglob("*") if path.samefile(place))
    place.unlink()
    cached.chmod(0o644)
    if damage == "cut off":
        os.truncate(cached, 1000)
        cached.chmod(0o444)
    else:
        cached.write_bytes(b"!" + shelf.contents["cleaner"][1:])
    assert answer(shelf)["fetched"] == ["cleaner"]
    assert there(shelf) == right(shelf)
    assert stat.S_IMODE(cached.stat().st_mode) == 0o444
    assert answer(shelf)["present"] == 3


def test_while_another_dvc_is_at_work(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    shelf.push(on_minio)
    shelf.project.temporary.mkdir(exist_ok=True)
    with (shelf.project.temporary / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = pull(shelf, "cleaner")
    assert done.process.exitcode == 3
    last = done.output.splitlines()[-1]
    assert "another DVC command is running here; run the command again after it" in last
    assert "\x1b" not in done.output
    assert answer(shelf, "cleaner")["fetched"] == []
    assert set(there(shelf)) == {"cleaner"}


def test_another_cache_that_is_shared(stocked: Shelf, bucket: Shop, tmp_path: Path) -> None:
    """As a cluster has it: files for the group, symbolic links; the second clone fetches nothing."""
    stocked.push(bucket)
    cache = tmp_path / "cache"
    clones = [again(stocked, tmp_path / f"clone {number}") for number in range(2)]
    for one in clones:
        one.use(bucket)
        config = one.project.dvc_folder / "config.local"
        config.write_text(
            f"{config.read_text()}[cache]\n    dir = {cache}\n    type = symlink\n    shared = group\n"
        )
    assert [len(str(answer(one)["fetched"])) > 2 for one in clones] == [True, False]
    for one in clones:
        assert there(one) == right(one)
        assert all(path.is_symlink() for path in one.root.glob("layers/*/*/*.pth"))
        assert answer(one)["present"] == 3
        # Copies are nobody's links, and are known all the same.
        config = one.project.dvc_folder / "config.local"
        config.write_text(config.read_text().replace("type = symlink", "type = copy"))
        for path in one.root.glob("layers/*/*/*.pth"):
            path.unlink()
        assert (answer(one)["placed"], answer(one)["present"]) == (3, 3)
    folders = [path for path in cache.rglob("*") if path.is_dir() and len(path.name) == 2]
    assert folders
    assert all(folder.stat().st_mode & stat.S_IWGRP for folder in folders)


def test_a_store_that_is_down(shelf: Shelf, bucket: Shop) -> None:
    shelf.use(bucket)
    config = shelf.project.dvc_folder / "config.local"
    config.write_text(config.read_text().replace(bucket.settings.endpoint, f"http://127.0.0.1:{free_port()}"))
    done = pull(shelf)
    assert done.process.exitcode == 3
    assert done.output.splitlines()[-1].startswith(
        config.read_text().partition("endpointurl = ")[2].split()[0] + ": the store does not answer"
    )
    assert there(shelf) == {}


def test_no_signed_address_is_printed(shelf: Shelf, bucket: Shop) -> None:
    """Whoever has one may read the object for a day."""
    shelf.use(bucket)
    shelf.push(bucket)
    for name in bucket.names():
        bucket.write(name, b"damaged")
    done = pull(shelf)
    assert done.process.exitcode == 3
    assert "X-Amz-" not in done.output
    assert bucket.settings.access_key not in done.output.replace(bucket.settings.bucket, "")
    left = b"".join(path.read_bytes() for path in shelf.project.temporary.rglob("*") if path.is_file())
    assert b"X-Amz-" not in left
