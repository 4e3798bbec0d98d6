import http.client
import json
import os
import signal
import socket
import stat
import struct
from pathlib import Path

import pytest

from restoration_models.store import StoreNotConfigured, client, embedded, settings
from restoration_models.store.embedded import OtherPort, OtherServer, ServerDied
from restoration_models.store.local_config import read_remote
from restoration_models.store.memory import StoreFolder
from restoration_models.store.process import Process, wait_for_end
from restoration_models.store.servers import Kind, ServerGone
from support.servers import (
    command_lines,
    free_port,
    git,
    listening,
    listening_locally,
    models,
    models_json,
    require_minio,
    skeleton,
)

KINDS = [Kind.SEAWEEDFS, pytest.param(Kind.MINIO, marks=pytest.mark.needs_minio)]


@pytest.fixture
def project(tmp_path):
    project = skeleton(tmp_path / "a project")
    yield project
    embedded.down(project)


@pytest.fixture(params=KINDS, ids=str)
def kind(request, monkeypatch):
    if request.param is Kind.MINIO:
        monkeypatch.setenv("PATH", str(Path(require_minio()).parent), prepend=os.pathsep)
    return request.param


def put(project, name, data):
    import io

    store = settings(project)
    client(store).put_object(store.bucket, name, io.BytesIO(data), len(data))


def get(project, name):
    store = settings(project)
    answer = client(store).get_object(store.bucket, name)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def keys_of(project):
    return read_remote(project.dvc_folder / "config.local", "minio")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_up_twice_down_twice_and_the_data_stays(project, kind):
    first = embedded.up(project, port=free_port(), kind=kind)
    assert not first.was_up
    keys = keys_of(project)
    assert keys["endpointurl"] == first.endpoint
    put(project, "dvc/files/md5/aa/bb", b"weights")

    second = embedded.up(project)
    assert second.was_up
    assert (second.pid, second.endpoint) == (first.pid, first.endpoint)
    assert keys_of(project) == keys

    assert embedded.down(project).was_up
    assert not Process(first.pid, "anything").alive
    assert not (project.dvc_folder / "config.local").exists()
    assert not embedded.down(project).was_up

    third = embedded.up(project)
    assert third.endpoint == first.endpoint
    assert keys_of(project) == keys
    assert get(project, "dvc/files/md5/aa/bb") == b"weights"
    assert git(project.root, "status", "--porcelain") == ""


def test_keys_are_private(project, kind):
    up = embedded.up(project, port=free_port(), kind=kind)
    secret = keys_of(project)["secret_access_key"]
    assert len(secret) >= 40
    assert mode(project.dvc_folder / "config.local") == 0o600
    assert mode(project.store_data) == 0o700
    holders = [path for path in project.store_data.rglob("*") if path.is_file() and holds(path, secret)]
    assert project.store_data / "server.json" in holders
    assert {mode(path) for path in holders} == {0o600}
    assert secret not in command_lines()
    assert str(up.pid) in (project.store_data / "server.pid").read_text()
    assert secret not in (project.store_data / "server.log").read_text()
    if kind is Kind.SEAWEEDFS:
        assert mode(project.store_data / "seaweedfs" / "security.toml") == 0o600


def holds(path, secret):
    return secret.encode() in path.read_bytes()


def test_nothing_listens_beyond_loopback_and_nobody_is_served_without_keys(project, kind):
    up = embedded.up(project, port=free_port(), kind=kind)
    put(project, "dvc/secret", b"top secret " * 100)
    sockets = listening(up.pid)
    assert {address for address, _ in sockets} <= {"127.0.0.1", "::1"}
    if kind is Kind.SEAWEEDFS:
        assert {address for address, _ in sockets} == {"127.0.0.1"}
        assert len(sockets) == 10
    # What listens without a port is a file that nobody else may open.
    for name in listening_locally(up.pid):
        assert name.startswith("/"), name
        assert stat.S_IMODE(Path(name).stat().st_mode) & 0o077 == 0, name
    paths = ANONYMOUS_PATHS
    if kind is Kind.SEAWEEDFS:
        needles = needle_paths(project.store_data / "seaweedfs" / "data")
        assert needles, "the bytes lie in a volume, whose server is asked for them by their true name"
        paths += needles
    answered = 0
    for address, port in sorted(sockets):
        for method in ("GET", "PUT", "POST", "DELETE"):
            for path in paths:
                status, body = ask(address, port, method, path)
                if status is None:
                    continue
                answered += 1
                where = f"{method} {address}:{port}{path} -> {status}"
                assert b"top secret" not in body, where
                assert b'"fid"' not in body, where
                assert b'"auth"' not in body, where
                # A page about the server itself is all that anybody gets.
                assert status >= 300 or path in STATUS_PAGES, where
    assert answered > 100
    assert get(project, "dvc/secret") == b"top secret " * 100


STATUS_PAGES = ("/", "/status", "/healthz", "/metrics", "/ui/index.html", "/cluster/status")
ANONYMOUS_PATHS = (
    *STATUS_PAGES,
    "/models",
    "/models?list-type=2",
    "/models/dvc/secret",
    "/models/dvc/new",
    "/buckets/models/dvc/secret",
    "/buckets/models/dvc/secret?recursive=true",
    "/dir/assign",
    "/dir/assign?collection=models",
    "/dir/lookup?volumeId=1",
    "/dir/lookup?fileId=1,01637037d6",
    "/dir/status",
    "/submit",
    "/vol/grow?count=1",
    "/vol/status",
    "/vol/vacuum",
    "/col/delete?collection=models",
    "/1,01637037d6",
    "/2,01637037d6",
    "/.tus/",
    "/minio/admin/v3/info",
    "/minio/v2/metrics/cluster",
    "/debug/pprof/",
    "/debug/vars",
    "/admin",
    "/login",
)


def needle_paths(data):
    """The path, on SeaweedFS's volume server, of everything in its volumes, read from their files."""
    found = []
    for index in data.glob("*.idx"):
        volume = index.stem.rpartition("_")[2]
        entries, needles = index.read_bytes(), index.with_suffix(".dat").read_bytes()
        # Key, offset in units of 8 bytes (its fifth and highest byte last), size.
        for key, low, high, _ in struct.iter_unpack(">QIBI", entries):
            (cookie,) = struct.unpack_from(">I", needles, (low + (high << 32)) * 8)
            found.append(f"/{volume},{key:x}{cookie:08x}")
    return tuple(found)


def ask(address, port, method, path):
    """Return (status, body) of an HTTP request without keys; (None, b"") where no HTTP is spoken."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        body = b"intruder" if method in ("PUT", "POST") else None
        connection.request(method, path, body=body, headers={"X-Forwarded-For": "127.0.0.1"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (http.client.HTTPException, ConnectionError):
        return None, b""
    finally:
        connection.close()


def test_a_port_in_use_is_replaced_and_the_new_one_remembered(project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        wanted = other.getsockname()[1]
        done = models(project.root, "store", "up", "--server", "seaweedfs", "--port", str(wanted))
    assert done.returncode == 0, done.stderr
    endpoint = keys_of(project)["endpointurl"]
    given = int(endpoint.rpartition(":")[2])
    assert given != wanted
    assert done.stdout.splitlines()[0] == f"port {wanted} is in use: taking {given}, from now on"
    assert keys_of(project)["secret_access_key"] not in done.stdout + done.stderr

    # Killed without a chance to clean up: the next `up` finds data, keys and port again.
    put(project, "dvc/kept", b"kept")
    process = StoreFolder(project.store_data).process()
    os.kill(process.pid, signal.SIGKILL)
    assert wait_for_end(process, 10)
    again = embedded.up(project)
    assert not again.was_up
    assert (again.endpoint, again.moved) == (endpoint, None)
    assert get(project, "dvc/kept") == b"kept"

    # All its ports taken by others: it moves, with the data.
    embedded.down(project)
    memory = StoreFolder(project.store_data).memory()
    held = [socket.create_server(("127.0.0.1", number)) for number in memory.ports.values()]
    try:
        moved = embedded.up(project)
    finally:
        for sock in held:
            sock.close()
    assert moved.moved is not None
    assert get(project, "dvc/kept") == b"kept"


def test_a_process_file_of_another_process_is_not_believed(project):
    folder = StoreFolder(project.store_data)
    up = embedded.up(project, port=free_port(), kind=Kind.SEAWEEDFS)
    embedded.down(project)
    # The id was given to another program since: this one.
    folder.process_file.write_text(json.dumps({"pid": os.getpid(), "started": "an earlier boot:1"}))
    assert folder.process() is None
    assert not embedded.down(project).was_up
    folder.process_file.write_text("torn")
    again = embedded.up(project)
    assert not again.was_up
    assert again.pid != up.pid


def test_a_broken_configuration_stops_up_before_anything_runs(project):
    (project.dvc_folder / "config.local").write_text("[core]\nno-such-setting = 1\n")
    with pytest.raises(StoreNotConfigured, match="no-such-setting"):
        embedded.up(project, port=free_port(), kind=Kind.SEAWEEDFS)
    (project.dvc_folder / "config.local").write_text("[core\nsecret_access_key = s3cret")
    done = models(project.root, "store", "up")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "s3cret" not in done.stderr
    assert not project.store_data.exists()
    (project.dvc_folder / "config.local").unlink()


def test_the_server_belongs_to_no_terminal(project):
    up = embedded.up(project, port=free_port(), kind=Kind.SEAWEEDFS)
    fields = Path(f"/proc/{up.pid}/stat").read_text().rpartition(")")[2].split()
    parent, group, session, terminal = (int(field) for field in fields[1:5])
    assert terminal == 0
    assert parent != os.getpid()
    assert session != os.getsid(0)
    assert group != os.getpgrp()


def test_what_config_local_held_before_comes_back(project):
    local = project.dvc_folder / "config.local"
    before = (
        "# mine\n[cache]\n    dir = /elsewhere\n"
        "['remote \"minio\"']\n    # the team's\n    endpointurl = https://minio.example.org\n"
        "    access_key_id = me\n    secret_access_key = s3cret\n    region = eu-west-1\n    jobs = 2\n"
    )
    local.write_text(before)
    up = embedded.up(project, port=free_port(), kind=Kind.SEAWEEDFS)
    during = keys_of(project)
    assert during["endpointurl"] == up.endpoint
    assert "region" not in during
    assert during["jobs"] == "2"
    embedded.down(project)
    assert keys_of(project) == {
        "endpointurl": "https://minio.example.org",
        "access_key_id": "me",
        "secret_access_key": "s3cret",
        "region": "eu-west-1",
        "jobs": "2",
    }
    text = local.read_text()
    assert "# mine" in text
    assert "dir = /elsewhere" in text
    assert mode(local) == 0o600


def test_asking_for_another_port_or_server_while_up_is_refused(project):
    up = embedded.up(project, port=free_port(), kind=Kind.SEAWEEDFS)
    with pytest.raises(OtherPort, match="already up"):
        embedded.up(project, port=free_port())
    with pytest.raises(OtherServer, match="seaweedfs's, not minio's"):
        embedded.up(project, kind=Kind.MINIO)
    assert embedded.up(project).pid == up.pid


def test_a_server_that_dies_at_start_says_why_in_one_line(project, tmp_path, monkeypatch):
    broken = tmp_path / "bin" / "minio"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho loading >&2\necho 'FATAL: unable to read the disk' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent), prepend=os.pathsep)
    with pytest.raises(ServerDied) as caught:
        embedded.up(project, port=free_port(), kind=Kind.MINIO)
    assert "(loading | FATAL: unable to read the disk)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (project.dvc_folder / "config.local").exists()
    assert StoreFolder(project.store_data).process() is None

    # The data is MinIO's from now on: SeaweedFS is not silently started empty beside it.
    broken.unlink()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ServerGone, match="`minio` is not on PATH"):
        embedded.up(project)


def test_the_commands_say_what_they_did(project):
    port = free_port()
    up = models_json(project.root, "store", "up", "--server", "seaweedfs", "--port", str(port))
    assert up["endpoint"] == f"http://127.0.0.1:{port}"
    assert up["was-up"] is False
    again = models(project.root, "store", "up")
    assert "seaweedfs is already up" in again.stdout
    status = models_json(project.root, "store", "status", "--count")
    assert status["keys-accepted"] is True
    assert status["objects"] == 0
    assert status["problem"] is None
    down = models(project.root, "store", "down")
    assert (down.returncode, down.stdout) == (0, "the embedded store is down\n")
    wrong = models(project.root, "store", "up", "--server", "garage")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
