import hashlib
import io
import json
import stat

import pytest

from restoration_models.download import DownloadFailed, Places, Request, fetch
from restoration_models.download.partial import Partial
from restoration_models.store import (
    BucketMissing,
    NoKeys,
    ObjectMissing,
    StoreUnreachable,
    WrongKeys,
    client,
    listing,
    object_name,
    settings,
    stored,
)
from restoration_models.store.health import look
from restoration_models.store.login import login
from support.servers import commit, dvc, free_port, git, models, skeleton

DATA = b"weights of a model " * 5000
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


def logged_in(project, server, **changes):
    chosen = server.settings(**changes)
    login(
        project,
        access_key=chosen.access_key,
        secret_key=chosen.secret_key,
        endpoint=chosen.endpoint,
        check=False,
    )
    return project


def test_push_and_pull_with_the_committed_configuration(any_server, tmp_path):
    one = logged_in(skeleton(tmp_path / "one"), any_server)
    (one.root / "weights.pth").write_bytes(DATA)
    dvc(one.root, "add", "weights.pth")
    commit(one.root, "weights")
    dvc(one.root, "push")
    assert git(one.root, "status", "--porcelain") == ""

    store = settings(one)
    name = object_name(store, MD5)
    assert name == f"dvc/files/md5/{MD5[:2]}/{MD5[2:]}"
    assert listing(store)[name] == len(DATA)
    assert listing(store, prefix="pretrained_models/") == {}

    git(tmp_path, "clone", "--quiet", str(one.root), "two")
    assert not (tmp_path / "two/.dvc/config.local").exists()
    done = models(tmp_path / "two", "store", "login", "--from", str(one.root))
    assert done.returncode == 0, done.stderr
    assert "the store accepts them" in done.stdout
    assert stat.S_IMODE((tmp_path / "two/.dvc/config.local").stat().st_mode) == 0o600
    dvc(tmp_path / "two", "pull")
    assert (tmp_path / "two/weights.pth").read_bytes() == DATA

    there = fetch(request(MD5), Places(tmp_path / "inbox", tmp_path, stored=lambda md5: stored(store, md5)))
    assert (there.origin, there.path.read_bytes()) == ("store", DATA)


def request(md5):
    sha256 = hashlib.sha256(DATA).hexdigest()
    return Request.of("a", sha256=sha256, size=len(DATA), sources=(), md5=md5)


def test_what_fetching_says_when_it_cannot(any_server, tmp_path):
    """Each way in which the store has not what its name says, told apart before a byte is written."""
    store = any_server.settings()
    absent = "0" * 32
    with pytest.raises(ObjectMissing, match=f"dvc/files/md5/00/{absent[2:]}"):
        stored(store, absent)
    with pytest.raises(BucketMissing, match="no bucket named elsewhere"):
        stored(any_server.settings("elsewhere"), absent)
    with pytest.raises(WrongKeys, match="the store does not know it"):
        stored(any_server.settings(access_key="nobody"), absent)
    with pytest.raises(WrongKeys, match="its secret is another one"):
        stored(any_server.settings(secret_key="not-the-secret"), absent)
    lies = "f" * 32
    other = b"x" * len(DATA)
    client(store).put_object(store.bucket, object_name(store, lies), io.BytesIO(other), len(other))
    with pytest.raises(DownloadFailed, match="the store: delivered other bytes: expected sha256"):
        fetch(request(lies), Places(tmp_path, tmp_path, stored=lambda md5: stored(store, md5)))
    client(store).remove_object(store.bucket, object_name(store, lies))
    assert list(tmp_path.iterdir()) == []


def test_what_was_under_way_is_not_fetched_again(any_server, tmp_path):
    """From the store as from any source: a partial file is gone on with."""
    store = any_server.settings()
    client(store).put_object(store.bucket, object_name(store, MD5), io.BytesIO(DATA), len(DATA))
    places = Places(tmp_path, tmp_path, stored=lambda md5: stored(store, md5))
    wanted = request(MD5)
    partial = Partial(places.partial(wanted.sha256), len(DATA))
    partial.write(0, [DATA[:60_000]])
    partial.checkpoint()
    partial.close()
    got = fetch(wanted, places)
    assert (got.resumed, got.bytes_fetched) == (60_000, len(DATA) - 60_000)
    assert got.path.read_bytes() == DATA


def test_status_tells_apart_what_is_wrong(any_server, tmp_path):
    project = logged_in(skeleton(tmp_path / "project"), any_server)
    local = project.dvc_folder / "config.local"
    good = local.read_text()
    well = models(project.root, "store", "status", "--count")
    assert (well.returncode, well.stderr) == (0, "")

    cases = {
        "wrong secret": (
            good.replace(any_server.secret_key, "other-secret"),
            "refuses access key",
            "keys-accepted",
        ),
        "bucket missing": (good + "url = s3://elsewhere/dvc\n", "no bucket named elsewhere", "bucket-exists"),
        "server down": (
            good.replace(any_server.endpoint, f"http://127.0.0.1:{free_port()}"),
            "does not answer (connection refused)",
            "reachable",
        ),
    }
    for name, (text, line, fact) in cases.items():
        local.write_text(text)
        done = models(project.root, "store", "status", "--json")
        assert done.returncode == 3, name
        assert line in done.stderr, name
        assert done.stderr.count("\n") == 1, name
        answer = json.loads(done.stdout)
        assert answer[fact] is False, name
        assert line in str(answer["problem"]), name
    local.unlink()
    with pytest.raises(NoKeys):
        listing(settings(project))


def test_login_checks_keys_before_it_writes_them(seaweedfs_server, tmp_path):
    server = seaweedfs_server
    project = skeleton(tmp_path / "project")
    local = project.dvc_folder / "config.local"
    arguments = ("store", "login", "--endpoint", server.endpoint, "--access-key", server.access_key)

    refused = models(project.root, *arguments, "--secret-stdin", stdin="not-it\n")
    assert refused.returncode == 3
    assert "its secret is another one" in refused.stderr
    assert not local.exists()

    unasked = models(project.root, *arguments)
    assert unasked.returncode == 2
    assert "no secret; set AWS_SECRET_ACCESS_KEY" in unasked.stderr

    done = models(project.root, *arguments, "--secret-stdin", stdin=f"{server.secret_key}\n")
    assert done.returncode == 0, done.stderr
    assert server.secret_key not in done.stdout + done.stderr
    assert settings(project).secret_key == server.secret_key
    assert look(settings(project)).problem is None

    local.unlink()
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    done = models(project.root, "store", "login", "--endpoint", server.endpoint, **keys)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(local.stat().st_mode) == 0o600

    local.unlink()
    nowhere = ("--endpoint", f"http://127.0.0.1:{free_port()}")
    down = models(project.root, "store", "login", *nowhere, **keys)
    assert (down.returncode, local.exists()) == (3, False)
    unchecked = models(project.root, "store", "login", *nowhere, "--no-check", **keys)
    assert (unchecked.returncode, local.exists()) == (0, True)
    with pytest.raises(StoreUnreachable):
        listing(settings(project))
