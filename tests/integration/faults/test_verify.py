"""``models store verify``: what is damaged in the store is found by reading it, and can be put right."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from restoration_models.store import NotAllowed, client, object_name, setup
from restoration_models.store.roles import ROLES, _admin
from restoration_models.store.verify import State, verify
from support.layers import md5
from support.published import Shelf, Shop
from support.servers import Server, models
from support.zygote import run


def address(shelf: Shelf, bucket: Shop, slug: str) -> str:
    return object_name(bucket.settings, md5(shelf.contents[slug]))


def spoil(shelf: Shelf, bucket: Shop, slug: str) -> None:
    """Put other bytes of the same size under the address of `slug`."""
    bucket.write(address(shelf, bucket, slug), shelf.contents[slug][::-1])


def states(shelf: Shelf, *, repair: bool = False) -> dict[str, tuple[State, str | None]]:
    checked = verify(shelf.project, repair=repair).objects
    return {one.models[0]: (one.state, one.repaired) for one in checked}


@pytest.fixture
def stored(shelf: Shelf, bucket: Shop) -> Shelf:
    shelf.use(bucket)
    shelf.push(bucket)
    return shelf


def test_a_whole_store_is_read_to_its_last_byte(stored: Shelf) -> None:
    result = verify(stored.project)
    assert {one.state for one in result.objects} == {State.WHOLE}
    assert result.read == sum(map(len, stored.contents.values()))
    assert result.problems == ()


def test_what_is_wrong_is_told_and_left_alone(stored: Shelf, bucket: Shop) -> None:
    spoil(stored, bucket, "cleaner")
    bucket.write(address(stored, bucket, "sharpener"), b"short")
    bucket.speaker.remove_object(bucket.settings.bucket, address(stored, bucket, "flattener"))
    before = bucket.versions()

    done = models(stored.root, "store", "verify", "--json")

    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert {one["models"][0]: one["state"] for one in answer["objects"]} == {
        "cleaner": "corrupt",
        "sharpener": "other-size",
        "flattener": "missing",
    }
    assert "layers/layer-1/dvc.lock: download@cleaner: the store's bytes of it have md5" in done.stderr
    assert "the store has 5 bytes of it, not" in done.stderr
    assert "3 problems found" in done.stderr
    assert bucket.versions() == before


def test_this_machines_bytes_are_proved_and_put_back(stored: Shelf, bucket: Shop) -> None:
    """From the cache, from the workspace; what is wrong here too is no repair."""
    for slug in stored.contents:
        spoil(stored, bucket, slug)
    # SeaweedFS lists versions too; without former ones there is nothing but this machine.
    for name, version, _ in bucket.versions():
        if name.startswith("dvc/") and bucket.read(name, version) in stored.contents.values():
            bucket.speaker.remove_object(bucket.settings.bucket, name, version)
    before = bucket.versions()
    cache = stored.project.dvc_folder / "cache/files/md5"
    for slug, content in (
        ("cleaner", stored.contents["cleaner"]),
        ("flattener", stored.contents["flattener"][::-1]),
    ):
        digest = md5(stored.contents[slug])
        (cache / digest[:2]).mkdir(parents=True)
        (cache / digest[:2] / digest[2:]).write_bytes(content)
    workspace = stored.project.checkpoint("layer-2", "sharpener", "sharpener.pth")
    workspace.write_bytes(stored.contents["sharpener"])

    found = states(stored, repair=True)

    assert found["sharpener"] == (State.CORRUPT, str(workspace))
    assert found["cleaner"][1] is not None and found["cleaner"][1].startswith(str(cache))
    assert found["flattener"] == (State.CORRUPT, None)
    assert {slug: state for slug, (state, _) in states(stored).items()} == {
        "cleaner": State.WHOLE,
        "sharpener": State.WHOLE,
        "flattener": State.CORRUPT,
    }
    # Nothing was deleted: the wrong bytes are former versions now.
    assert before <= bucket.versions()


@pytest.mark.needs_minio
def test_a_deleted_and_an_overwritten_object_come_back_from_their_versions(
    shelf: Shelf, minio_server: Server, tmp_path: Path
) -> None:
    """By a maintainer, whose role cannot destroy a version; a trainer may look and not repair."""
    operator = Shop(minio_server.settings("verify-roles"))
    setup.prepare(operator.settings, tmp_path / "keys.json")
    try:
        users = json.loads((tmp_path / "keys.json").read_text())["users"]
        shelf.push(operator)
        operator.speaker.remove_object(operator.settings.bucket, address(shelf, operator, "cleaner"))
        spoil(shelf, operator, "sharpener")
        before = operator.versions()
        role = {
            name: Shop(
                minio_server.settings(
                    "verify-roles", access_key=keys["access-key"], secret_key=keys["secret-key"]
                )
            )
            for name, keys in users.items()
        }
        shelf.use(role["trainer"])
        assert states(shelf)["cleaner"] == (State.MISSING, None)
        with pytest.raises(NotAllowed, match="access key trainer may not"):
            verify(shelf.project, repair=True)
        assert operator.versions() == before

        shelf.use(role["maintainer"])
        done = run("models", "store", "verify", "--repair", cwd=shelf.root, log=tmp_path / "log")

        assert done.wait() == 0, done.output
        assert "1 whole, 2 repaired, 0 wrong" in done.output
        assert "version " in done.output
        for slug, content in shelf.contents.items():
            assert operator.read(address(shelf, operator, slug)) == content
        assert before <= operator.versions()
    finally:
        admin, speaker = _admin(operator.settings), client(operator.settings)
        for name in ROLES:
            admin.user_remove(name)
        for each in speaker.list_objects(operator.settings.bucket, recursive=True, include_version=True):
            speaker.remove_object(operator.settings.bucket, each.object_name, each.version_id)
        speaker.remove_bucket(operator.settings.bucket)


@pytest.mark.needs_minio
def test_a_pull_finds_a_corrupted_object_and_takes_it_once_it_is_right(
    shelf: Shelf, on_minio: Shop, tmp_path: Path
) -> None:
    stored, bucket = shelf, on_minio
    stored.use(bucket)
    stored.push(bucket)
    spoil(stored, bucket, "cleaner")
    place = stored.project.checkpoint("layer-1", "cleaner", "cleaner.pth")

    refused = run("dvc", "pull", str(place.relative_to(stored.root)), cwd=stored.root, log=tmp_path / "1")

    assert refused.wait() != 0
    assert not place.exists()
    assert not [path for path in (stored.root / ".dvc/cache").rglob("*") if path.is_file()]
    bucket.write(address(stored, bucket, "cleaner"), stored.contents["cleaner"])
    done = run("dvc", "pull", str(place.relative_to(stored.root)), cwd=stored.root, log=tmp_path / "2")
    assert done.wait() == 0, done.output
    assert place.read_bytes() == stored.contents["cleaner"]


@pytest.mark.needs_minio
def test_an_object_that_the_server_itself_cannot_read_is_one_problem(
    shelf: Shelf, on_minio: Shop, minio_server: Server
) -> None:
    """Its drive rotted: the others are read all the same, and the repair is an upload."""
    shelf.use(on_minio)
    shelf.push(on_minio)
    words = Path(f"/proc/{minio_server.pid}/cmdline").read_bytes().decode().split("\0")
    (drive,) = [Path(word) for word in words if word.startswith("/") and (Path(word) / ".minio.sys").is_dir()]
    (part,) = (drive / on_minio.settings.bucket / address(shelf, on_minio, "cleaner")).glob("*/part.1")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert states(shelf)["cleaner"] == (State.UNREADABLE, None)
    assert states(shelf)["sharpener"] == (State.WHOLE, None)
    shelf.keep()
    assert states(shelf, repair=True)["cleaner"][1]
    assert states(shelf)["cleaner"] == (State.WHOLE, None)


@pytest.mark.needs_minio
def test_memory_stays_bounded(shelf: Shelf, on_minio: Shop) -> None:
    shelf.put("large", bytes(48_000_000))
    shelf.commit()
    shelf.use(on_minio)
    shelf.push(on_minio)
    tracemalloc.start()
    try:
        result = verify(shelf.project)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.problems == ()
    assert result.read > 48_000_000
    assert peak < 24_000_000
