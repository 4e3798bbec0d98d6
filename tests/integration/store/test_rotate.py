"""New secrets: the old ones are worth nothing any more, none is shown, and no interruption loses one."""

import contextlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.store import StoreUnreachable, WrongKeys, client, embedded, settings, setup
from restoration_models.store import rotate as rotation
from restoration_models.store.admin import admin
from restoration_models.store.handout import KeysFileBroken, read_secrets
from restoration_models.store.health import check_keys
from restoration_models.store.local_config import read_remote
from restoration_models.store.memory import StoreFolder
from restoration_models.store.roles import ROLES
from restoration_models.store.rotate import NoRoles, RotationBroken, UnknownRole, rotate
from restoration_models.store.servers import Kind
from support.servers import PROGRAM, free_port, models, models_json, require_minio, skeleton

BUCKET = "rotate-test"


@pytest.fixture
def operator(minio_server, monkeypatch):
    monkeypatch.setenv("MINIO_ROOT_USER", minio_server.access_key)
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", minio_server.secret_key)
    return minio_server.settings(BUCKET)


@pytest.fixture
def project(tmp_path):
    return skeleton(tmp_path / "project")


@pytest.fixture
def keys(operator, tmp_path):
    """The file of keys of a prepared bucket with its three roles."""
    path = tmp_path / "keys.json"
    setup.prepare(operator, path)
    yield path
    for role in ROLES:
        admin(operator).user_remove(role)
    client(operator).remove_bucket(BUCKET)


def accepted(operator, role, secret):
    try:
        check_keys(replace(operator, access_key=role, secret_key=secret))
    except WrongKeys:
        return False
    return True


def at(operator):
    return {"endpoint": operator.endpoint, "bucket": BUCKET}


@pytest.mark.needs_minio
def test_old_secrets_stop_and_new_ones_work(project, operator, keys):
    before = read_secrets(keys)
    result = rotate(project, **at(operator), keys_file=keys)
    assert result.roles == ROLES
    assert (result.absent, result.disabled, result.embedded, result.here) == ((), (), False, False)
    assert result.keys_file == keys
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    after = read_secrets(keys)
    assert sorted(after) == sorted(ROLES)
    for role in ROLES:
        assert len(after[role]) >= 40
        assert accepted(operator, role, after[role])
        assert not accepted(operator, role, before[role])
    assert sorted(path.name for path in keys.parent.iterdir() if path.is_file()) == ["keys.json"]
    # Its set-up is what it was.
    assert setup.prepare(operator, keys).changes == ()

    # One alone; the others keep theirs.
    only = rotate(project, **at(operator), roles=["trainer"], keys_file=keys)
    assert only.roles == ("trainer",)
    last = read_secrets(keys)
    assert {role for role in ROLES if last[role] != after[role]} == {"trainer"}
    assert accepted(operator, "service", after["service"])


@pytest.mark.needs_minio
def test_keys_made_from_a_roles_key_stop_too(project, operator, keys):
    """As they could be made before their policies denied it; temporary ones can always be made."""
    from minio.credentials import AssumeRoleProvider

    root, secret = admin(operator), read_secrets(keys)["trainer"]
    admin(operator).policy_set("readwrite", user="trainer")
    own = admin(replace(operator, access_key="trainer", secret_key=secret))
    own.add_service_account(access_key="survivor", secret_key="a-secret-that-survives")
    temporary = AssumeRoleProvider(
        sts_endpoint=operator.endpoint, access_key="trainer", secret_key=secret
    ).retrieve()
    session = replace(
        operator,
        access_key=temporary.access_key,
        secret_key=temporary.secret_key,
        session_token=temporary.session_token,
    )
    check_keys(session)
    assert accepted(operator, "survivor", "a-secret-that-survives")

    assert rotate(project, **at(operator), keys_file=keys).withdrawn == 1
    assert not accepted(operator, "survivor", "a-secret-that-survives")
    with pytest.raises(WrongKeys):
        check_keys(session)
    # And none can be made again: `models store init` puts the policy right.
    root.policy_unset("readwrite", user="trainer")


@pytest.mark.needs_minio
@pytest.mark.parametrize(
    ("broken_at", "moment"),
    [("maintainer", "before the server"), ("trainer", "after the server"), ("service", "before the server")],
)
def test_half_way_is_told_and_gone_on_with(project, operator, keys, monkeypatch, broken_at, moment):
    before = read_secrets(keys)
    known: dict[str, str] = {}

    class Breaking:
        def __init__(self, real):
            self.real = real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def user_add(self, role, secret):
            known[role] = secret
            if role == broken_at and moment == "before the server":
                raise ConnectionResetError
            self.real.user_add(role, secret)
            if role == broken_at:
                raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "admin_of", lambda settings: Breaking(admin(settings)))
        with pytest.raises(RotationBroken) as caught:
            rotate(project, **at(operator), keys_file=keys)
    line = str(caught.value)
    assert "run `models store rotate` again" in line
    assert f"{broken_at} may have" in line
    assert not any(secret in line for secret in [*known.values(), *before.values()])

    # The state that was told: each role has one working secret, and every one is on this machine.
    left = keys.with_name("keys.rotating.json")
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    pending = json.loads(left.read_text())["secrets"]
    done = ROLES[: ROLES.index(broken_at)]
    assert sorted(pending) == sorted(ROLES[ROLES.index(broken_at) :])
    for role in ROLES:
        candidates = {read_secrets(keys)[role], pending.get(role, before[role])}
        assert any(accepted(operator, role, secret) for secret in candidates)
    for role in done:
        assert accepted(operator, role, read_secrets(keys)[role])

    # Again: only what is left, with the same secrets.
    finished = rotate(project, **at(operator), keys_file=keys)
    assert finished.roles == tuple(role for role in ROLES if role in pending)
    assert {role: read_secrets(keys)[role] for role in pending} == pending
    for role in ROLES:
        assert accepted(operator, role, read_secrets(keys)[role])
        assert not accepted(operator, role, before[role])
    assert not left.exists()


@pytest.mark.needs_minio
def test_who_is_disabled_stays_so(project, operator, keys):
    before = read_secrets(keys)
    admin(operator).user_disable("service")
    result = rotate(project, **at(operator), keys_file=keys)
    assert (result.roles, result.disabled) == (("maintainer", "trainer"), ("service",))
    assert not accepted(operator, "service", before["service"])
    assert read_secrets(keys)["service"] == before["service"]
    with pytest.raises(NoRoles, match="disabled"):
        rotate(project, **at(operator), roles=["service"], keys_file=keys)


@pytest.mark.needs_minio
def test_the_command_updates_this_clone_and_shows_no_secret(project, operator, keys):
    before = read_secrets(keys)
    done = models(
        project.root, "store", "login", "--endpoint", operator.endpoint, "--access-key", "trainer",
        "--secret-stdin", "--no-check", stdin=before["trainer"],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    command = [
        "store",
        "rotate",
        "--endpoint",
        operator.endpoint,
        "--bucket",
        BUCKET,
        "--keys-file",
        str(keys),
    ]
    lines: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command], cwd=project.root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        # All that other users of the machine can see of it while it runs.
        while process.poll() is None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                lines.add(Path(f"/proc/{process.pid}/cmdline").read_bytes().decode())
                process.wait(0.02)
        out, err = process.communicate()
    assert process.returncode == 0, err
    after = read_secrets(keys)
    for text in (out, err, *lines):
        assert not any(secret in text for secret in [*before.values(), *after.values()])
    assert f"new secrets of maintainer, trainer, service: {keys}" in out
    assert "this clone's .dvc/config.local has its new secret" in out
    local = project.dvc_folder / "config.local"
    assert read_remote(local, "minio")["secret_access_key"] == after["trainer"]
    assert stat.S_IMODE(local.stat().st_mode) == 0o600
    answer = models_json(project.root, *command)
    assert answer["roles"] == list(ROLES)
    assert answer["this-clone"] is True


@pytest.mark.needs_minio
def test_what_cannot_be_rotated(project, operator, keys, tmp_path, monkeypatch):
    with pytest.raises(UnknownRole, match="the roles are maintainer, trainer, service"):
        rotate(project, **at(operator), roles=["root"])
    with pytest.raises(StoreUnreachable):
        rotate(project, endpoint=f"http://127.0.0.1:{free_port()}")
    left = keys.with_name("keys.rotating.json")
    left.write_text("torn")
    with pytest.raises(KeysFileBroken):
        rotate(project, **at(operator), keys_file=keys)
    left.write_text(json.dumps({"endpoint": "http://elsewhere", "bucket": "x", "secrets": {}}))
    with pytest.raises(KeysFileBroken):
        rotate(project, **at(operator), keys_file=keys)
    left.unlink()
    monkeypatch.setenv("MINIO_ROOT_USER", "trainer")
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", read_secrets(keys)["trainer"])
    before = keys.read_bytes()
    done = models(project.root, "store", "rotate", "--endpoint", operator.endpoint, "--bucket", BUCKET)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "that takes the server's administrator" in done.stderr
    assert keys.read_bytes() == before


def test_a_server_without_roles_says_so(project, seaweedfs_server, monkeypatch):
    monkeypatch.setenv("MINIO_ROOT_USER", seaweedfs_server.access_key)
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", seaweedfs_server.secret_key)
    with pytest.raises(NoRoles, match="no MinIO admin API"):
        rotate(project, endpoint=seaweedfs_server.endpoint)


@pytest.mark.parametrize(
    "kind", [Kind.SEAWEEDFS, pytest.param(Kind.MINIO, marks=pytest.mark.needs_minio)], ids=str
)
def test_the_embedded_store_gets_keys_of_its_own(project, kind, monkeypatch):
    if kind is Kind.MINIO:
        monkeypatch.setenv("PATH", str(Path(require_minio()).parent), prepend=os.pathsep)
    import io

    try:
        first = embedded.up(project, port=free_port(), kind=kind)
        old = settings(project)
        client(old).put_object(old.bucket, "dvc/kept", io.BytesIO(b"kept"), 4)
        security = project.store_data / "seaweedfs" / "security.toml"
        signing = security.read_text() if kind is Kind.SEAWEEDFS else ""
        done = models(project.root, "store", "rotate")
        assert done.returncode == 0, done.stderr
        assert f"the embedded store at {first.endpoint} has new keys of its own" in done.stdout
        new = settings(project)
        assert (new.endpoint, new.access_key) == (old.endpoint, old.access_key)
        assert new.secret_key != old.secret_key
        assert new.secret_key not in done.stdout + done.stderr
        assert StoreFolder(project.store_data).memory().secret_key == new.secret_key
        assert stat.S_IMODE((project.store_data / "server.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((project.dvc_folder / "config.local").stat().st_mode) == 0o600
        with pytest.raises(WrongKeys):
            check_keys(old)
        answer = client(new).get_object(new.bucket, "dvc/kept")
        assert answer.read() == b"kept"
        answer.close()
        answer.release_conn()
        if kind is Kind.SEAWEEDFS:
            assert security.read_text() != signing
    finally:
        embedded.down(project)
    assert not (project.dvc_folder / "config.local").exists()
