"""Readers during a publish: killed at any moment, or two at once, every manifest is true."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import multiprocessing.process
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from minio.error import S3Error

from restoration_models.manifest import parse
from restoration_models.publish import publish
from restoration_models.publish.bucket import Bucket, Current
from restoration_models.publish.checkout import OlderThanPublished
from restoration_models.publish.plan import Found
from restoration_models.publish.run import Contended
from restoration_models.publish.wanted import Item
from restoration_models.store import client, object_name, setup
from restoration_models.store.roles import ROLES, _admin
from support.gallery import data_of
from support.layers import md5
from support.published import Shelf, Shop, sha256
from support.servers import Server, git

KILLS = 24
SIZE = 1 << 20
READERS = 2


@contextmanager
def reading(bucket: Shop) -> Iterator[list[str]]:
    """Read manifest and objects without end; the list gets a line for each digest that differs."""
    stop, wrong, rounds = threading.Event(), [], [0]

    def read() -> None:
        while not stop.is_set():
            try:
                manifest = parse(bucket.read("catalogue.json"), "catalogue.json")
                for one in manifest.objects():
                    content = bucket.read(one.key, one.version_id)
                    if sha256(content) != one.sha256 or len(content) != one.size:
                        wrong.append(f"{manifest.commit}: {one.key}")
                rounds[0] += 1
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a failure of the test
                wrong.append(repr(error))
                return

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert rounds[0] > READERS, "nobody read while it happened"


def begun(shelf: Shelf) -> multiprocessing.process.BaseProcess:
    """A publish in a process of its own, forked from one that has all of it loaded."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["restoration_models.publish.run", "minio", "dvc.config", "jinja2"])
    child = processes.Process(target=publish, args=(shelf.project,))
    child.start()
    return child


@pytest.mark.needs_minio
def test_every_digest_matches_while_a_model_is_replaced_and_publish_is_killed(
    shelf: Shelf, on_minio: Shop
) -> None:
    shelf.use(on_minio)
    choice = random.Random(7)
    shelf.push(on_minio)
    publish(shelf.project)
    killed, replaced, patience = 0, 0, 0.2
    with reading(on_minio) as wrong:
        for round_ in range(KILLS):
            before = on_minio.read("catalogue.json")
            shelf.put("sharpener", choice.randbytes(SIZE), "layer-2", task="motion-deblurring")
            shelf.put("cleaner", choice.randbytes(SIZE))
            shelf.commit(f"round {round_}")
            shelf.push(on_minio)
            child = begun(shelf)
            child.join(patience * choice.uniform(0.3, 1.2))
            child.kill()
            child.join()
            killed += child.exitcode == -signal.SIGKILL
            done = on_minio.read("catalogue.json") != before
            replaced += done
            # The kills gather around the moment that counts, whatever this machine's pace.
            patience *= 0.8 if done else 1.5
    assert wrong == []
    # The kills fell on both sides of the moment that counts.
    assert killed >= 3 and 0 < replaced < KILLS, (killed, replaced, patience)
    publish(shelf.project)
    assert {one.sha256 for one in on_minio.manifest().models} == {
        sha256(content) for content in shelf.contents.values()
    }


class Stopping(Bucket):
    """A bucket whose publisher is gone after so many writes."""

    def __init__(self, shop: Shop, writes: int) -> None:
        super().__init__(shop.settings)
        self.left = writes

    def _counted(self) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1

    def _copy(self, item: Item, former: object) -> str:
        self._counted()
        return super()._copy(item, former)  # type: ignore[arg-type]

    def _put(self, item: Item) -> str:
        self._counted()
        return super()._put(item)

    def put_manifest(self, content: bytes, replaces: Current | None) -> bool:
        self._counted()
        return super().put_manifest(content, replaces)


def test_the_manifest_is_true_after_a_stop_at_every_write(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    first = bucket.manifest()
    shelf.put("cleaner", b"other weights", aliases=["pretrained_models/layer_1/old/cleaner.pth"])
    shelf.commit()
    shelf.push(bucket)
    for writes in range(20):
        try:
            publish(shelf.project, bucket=Stopping(bucket, writes))
        except KeyboardInterrupt:
            assert bucket.manifest() == first
            for one in first.objects():
                assert sha256(bucket.read(one.key, one.version_id)) == one.sha256
        else:
            break
    assert writes > 1
    assert bucket.manifest().model("cleaner").sha256 == sha256(b"other weights")


class Meeting(Bucket):
    """A bucket in which somebody else does something just before our manifest is written."""

    def __init__(self, shop: Shop, *others: Callable[[], object]) -> None:
        super().__init__(shop.settings)
        self.others = list(others)

    def put_manifest(self, content: bytes, replaces: Current | None) -> bool:
        if self.others:
            self.others.pop(0)()
        return super().put_manifest(content, replaces)


def clone(shelf: Shelf, root: Path) -> Shelf:
    git(shelf.root.parent, "clone", "--quiet", str(shelf.root), str(root))
    return Shelf(root, dict(shelf.contents), {name: dict(each) for name, each in shelf.entries.items()})


def test_a_publish_that_was_overtaken_plans_again(shelf: Shelf, bucket: Shop, tmp_path: Path) -> None:
    other = clone(shelf, tmp_path / "other")  # of the commit before
    shelf.put("cleaner", b"of the later commit")
    shelf.commit()
    for each in (shelf, other):
        each.push(bucket)
    met = Meeting(bucket, lambda: publish(other.project, bucket=bucket.bucket))
    done = publish(shelf.project, bucket=met)
    assert bucket.manifest().commit == done.commit
    assert [(one.model, one.change) for one in done.changes] == [("cleaner", "changed")]
    assert_current(bucket)


def test_a_publish_that_a_later_commit_overtook_gives_way(shelf: Shelf, bucket: Shop, tmp_path: Path) -> None:
    other = clone(shelf, tmp_path / "other")
    other.put("cleaner", b"of the later commit")
    later = other.commit()
    git(shelf.root, "fetch", "--quiet", str(other.root), "HEAD")
    for each in (shelf, other):
        each.push(bucket)
    met = Meeting(bucket, lambda: publish(other.project, bucket=bucket.bucket))
    with pytest.raises(OlderThanPublished):
        publish(shelf.project, bucket=met)
    assert bucket.manifest().commit == later
    assert_current(bucket)


def test_objects_that_another_publish_left_half_way_are_written_again(
    shelf: Shelf, bucket: Shop, tmp_path: Path
) -> None:
    other = clone(shelf, tmp_path / "other")
    other.put("cleaner", b"of a publish that dies")
    other.commit()
    for each in (shelf, other):
        each.push(bucket)

    def half() -> None:
        with suppress(KeyboardInterrupt):
            publish(other.project, bucket=Stopping(bucket, 4))
        assert bucket.read("pretrained_models/layer_1/nafnet/cleaner.pth") == b"of a publish that dies"

    publish(shelf.project, bucket=Meeting(bucket, half))
    # Else the manifest would name versions that expire.
    assert_current(bucket)


class Late(Bucket):
    """A bucket in which somebody else publishes, and is done with it, before our objects are written."""

    def __init__(self, shop: Shop, *others: Callable[[], object]) -> None:
        super().__init__(shop.settings)
        self.others = list(others)

    def write(self, items: Iterable[Item], former: Mapping[str, Found]) -> dict[str, str]:
        if self.others:
            self.others.pop(0)()
        return super().write(items, former)


def names_are_true(bucket: Shop, *, gone: str) -> None:
    """Every name holds the bytes of the manifest's version, which itself is there; `gone` leads nowhere."""
    for one in bucket.manifest().objects():
        assert sha256(bucket.read(one.key, one.version_id)) == one.sha256
        assert sha256(bucket.read(one.key)) == one.sha256
    assert not [name for name in bucket.names() if gone in name]


def test_a_publish_that_gives_way_puts_back_the_names_that_it_wrote_too_late(
    shelf: Shelf, bucket: Shop, tmp_path: Path
) -> None:
    """Of models, models of its own, the catalogue page, a large checkpoint; a second manifest counts."""
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    other = clone(shelf, tmp_path / "other")
    shelf.put("cleaner", b"of the one that gives way", aliases=["pretrained_models/layer_1/old/cleaner.pth"])
    shelf.put("loser", b"of the one that gives way too")
    shelf.commit()
    shelf.push(bucket)

    def publish_other(content: bytes) -> None:
        other.put("cleaner", content, aliases=["pretrained_models/layer_1/old/cleaner.pth"])
        other.put("winner", content + b" anew")
        other.commit()
        other.push(bucket)
        publish(other.project, bucket=bucket.bucket)

    class Again(Late):
        """Somebody else's manifest comes while the first one's names are put back, too."""

        again = True

        def put_back(self, ours: Mapping[str, Sequence[str]], promised: Mapping[str, str]) -> dict[str, str]:
            back = super().put_back(ours, promised)
            if self.again:
                self.again = False
                publish_other(b"other, " * 3)
                # As one that looked before, and copied after.
                for key, version in promised.items():
                    if key in back:
                        back[key] = self._put_back(key, self.find(key, version))
            return back

    late = Again(bucket, lambda: publish_other(b"other, " * 2))
    late._one_request = 20
    with pytest.raises(OlderThanPublished, match="publish within 30 days: names that were written"):
        publish(shelf.project, bucket=late)
    assert bucket.manifest().commit == git(other.root, "rev-parse", "HEAD").strip()
    names_are_true(bucket, gone="loser")
    page = json.dumps(data_of(bucket.read("site/index.html").decode()))
    assert "winner" in page
    assert "loser" not in page
    publish(other.project, bucket=bucket.bucket)
    assert_current(bucket)


def test_a_publish_that_is_overtaken_again_and_again_says_so(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    numbers = itertools.count()
    always = [lambda: bucket.write("catalogue.json", b"%d" % next(numbers))] * 20
    with pytest.raises(Contended, match="one publish run at a time"):
        publish(shelf.project, bucket=Meeting(bucket, *always))


def assert_current(bucket: Shop) -> None:
    """The manifest names the present version of every name, and its bytes."""
    for one in bucket.manifest().objects():
        assert bucket.speaker.stat_object(bucket.settings.bucket, one.key).version_id == one.version_id
        assert sha256(bucket.read(one.key)) == one.sha256


@pytest.mark.needs_minio
def test_two_publishes_at_once_leave_a_true_manifest(shelf: Shelf, on_minio: Shop, tmp_path: Path) -> None:
    base = git(shelf.root, "rev-parse", "HEAD").strip()
    branches = []
    for number in range(2):
        branch = clone(shelf, tmp_path / f"branch {number}")
        git(branch.root, "checkout", "--quiet", "-b", f"branch-{number}", base)
        branch.put("cleaner", f"branch {number}".encode() * 1000)
        branch.commit()
        branch.push(on_minio)
        branches.append(branch)
    publish_one = [
        # Neither builds upon the other.
        lambda branch=branch: publish(branch.project, bucket=on_minio.bucket, allow_older=True)
        for branch in branches
    ]
    for _ in range(4):
        with ThreadPoolExecutor(2) as threads:
            results = [done.result() for done in [threads.submit(call) for call in publish_one]]
        manifest = on_minio.manifest()
        last = next(one for one in results if one.commit == manifest.commit)
        assert not last.superseded
        # Whoever reads by the manifest gets its bytes, and by the names too, whoever wrote last.
        for one in manifest.objects():
            assert sha256(on_minio.read(one.key, one.version_id)) == one.sha256
            assert sha256(on_minio.read(one.key)) == one.sha256
        winner = next(
            branch for branch in branches if git(branch.root, "rev-parse", "HEAD").strip() == last.commit
        )
        publish(winner.project, bucket=on_minio.bucket)
        assert_current(on_minio)


@pytest.mark.needs_minio
def test_the_service_role_reads_what_is_published_and_nothing_else(
    shelf: Shelf, minio_server: Server, tmp_path: Path
) -> None:
    settings = minio_server.settings("publish-roles")
    keys = tmp_path / "keys.json"
    setup.prepare(settings, keys)
    try:
        users = json.loads(keys.read_text())["users"]
        roles = {
            role: Shop(
                minio_server.settings(
                    "publish-roles",
                    access_key=users[role]["access-key"],
                    secret_key=users[role]["secret-key"],
                )
            )
            for role in ROLES
        }
        shelf.push(roles["maintainer"])
        publish(shelf.project, bucket=roles["maintainer"].bucket, prune=True)
        service, operator = roles["service"], Shop(settings)
        manifest = service.manifest()
        for one in manifest.objects():
            assert sha256(service.read(one.key, one.version_id)) == one.sha256
            assert sha256(service.read(one.key)) == one.sha256
        stored = object_name(settings, md5(shelf.contents["cleaner"]))
        before = operator.versions()
        refusals: list[Callable[[], object]] = [
            lambda: service.read(stored),
            service.names,
            lambda: service.write("catalogue.json", b"{}"),
            lambda: service.write("pretrained_models/x", b"x"),
            lambda: service.speaker.remove_object(settings.bucket, "catalogue.json"),
            lambda: publish(shelf.project, bucket=service.bucket),
        ]
        for call in refusals:
            with pytest.raises(Exception, match=r"AccessDenied|may not") as caught:
                call()
            assert isinstance(caught.value, S3Error) or caught.value.status == 3  # type: ignore[attr-defined]
        assert operator.versions() == before
        with pytest.raises(S3Error, match="AccessDenied"):
            roles["trainer"].read("catalogue.json")
    finally:
        admin, speaker = _admin(settings), client(settings)
        for role in ROLES:
            admin.user_remove(role)
        for each in speaker.list_objects(settings.bucket, recursive=True, include_version=True):
            speaker.remove_object(settings.bucket, each.object_name, each.version_id)
        speaker.remove_bucket(settings.bucket)
