import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models.store import BadBucket, BadEndpoint, StoreNotConfigured, StoreSettings, settings
from restoration_models.store.settings import checked_bucket, checked_endpoint, from_remote
from support.servers import isolated, skeleton

__all__ = ["isolated"]

REMOTE = {"url": "s3://models/dvc", "endpointurl": "http://127.0.0.1:9000"}


def test_levels_shadow_each_other_as_in_dvc(isolated, tmp_path):
    project = skeleton(tmp_path / "project", with_git=False)
    store = settings(project)
    assert (store.endpoint, store.bucket, store.prefix) == ("http://127.0.0.1:9000", "models", "dvc")
    assert (store.access_key, store.secret_key, store.region) == (None, None, "us-east-1")

    (isolated / "dvc-global").mkdir()
    (isolated / "dvc-global/config").write_text(
        "['remote \"minio\"']\nregion = eu-west-1\naccess_key_id = g\nsecret_access_key = gs\n"
    )
    assert settings(project).region == "eu-west-1"
    (project.dvc_folder / "config.local").write_text(
        "['remote \"minio\"']\nendpointurl = https://store.example\naccess_key_id = me\n"
    )
    store = settings(project)
    assert (store.endpoint, store.access_key, store.secret_key) == ("https://store.example", "me", "gs")
    assert (store.netloc, store.secure) == ("store.example", True)

    (project.dvc_folder / "config.local").write_text(
        "[core]\nremote = other\n['remote \"other\"']\nurl = s3://weights/p/q\nendpointurl = http://h:1\n"
    )
    store = settings(project)
    assert (store.remote, store.bucket, store.prefix) == ("other", "weights", "p/q")


def test_keys_come_from_the_remote_then_the_environment_then_the_credentials_file(tmp_path):
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = f\naws_secret_access_key = fs\n"
        "[work]\naws_access_key_id = w\naws_secret_access_key = ws\naws_session_token = wt\n"
    )
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}

    def keys(remote, environment):
        found = from_remote("minio", {**REMOTE, **remote}, environment)
        return found.access_key, found.secret_key, found.session_token

    assert keys({}, environment) == ("f", "fs", None)
    assert keys({}, environment | {"AWS_PROFILE": "work"}) == ("w", "ws", "wt")
    ours = {"AWS_ACCESS_KEY_ID": "e", "AWS_SECRET_ACCESS_KEY": "es"}
    assert keys({}, environment | ours) == ("e", "es", None)
    assert keys({"profile": "work"}, environment | ours) == ("w", "ws", "wt")
    assert keys({"access_key_id": "r", "secret_access_key": "rs"}, environment | ours) == ("r", "rs", None)
    assert keys({}, {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "absent")}) == (None, None, None)


@pytest.mark.parametrize(
    ("remote", "environment", "expected"),
    [
        ({}, {}, True),
        ({}, {"AWS_CA_BUNDLE": "/ca.pem"}, "/ca.pem"),
        ({"ssl_verify": False}, {"AWS_CA_BUNDLE": "/ca.pem"}, False),
        ({"ssl_verify": "/mine.pem"}, {"AWS_CA_BUNDLE": "/ca.pem"}, "/mine.pem"),
    ],
)
def test_what_tls_is_checked_against(remote, environment, expected):
    assert from_remote("minio", {**REMOTE, **remote}, environment).verify == expected


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:9000",
        "ftp://h",
        "http://",
        "http://user:secret@h:1",
        "http://h:1/path",
        "http://h:0",
        "http://h:99999",
        "http://h?x",
        "http://[::1",
        "",
    ],
)
def test_bad_endpoints_are_refused_without_showing_a_password(endpoint):
    with pytest.raises(BadEndpoint, match="not an endpoint") as caught:
        checked_endpoint(endpoint)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["Models", "a", "a_b", "a..b", "-ab", "x" * 64, "a/b", ""])
def test_bad_bucket_names_are_refused(name):
    with pytest.raises(BadBucket, match="not the name of a bucket"):
        checked_bucket(name)


@pytest.mark.parametrize("endpoint", ["http://[::1]:9000", "https://minio.example.org", "http://h:1/"])
def test_good_endpoints_pass(endpoint):
    assert checked_endpoint(endpoint) == endpoint.rstrip("/")


def test_a_configuration_without_the_store_is_a_clear_error(isolated, tmp_path):
    project = skeleton(tmp_path / "project", with_git=False)
    config = project.dvc_folder / "config"
    config.write_text("[core]\nremote = minio\n")
    with pytest.raises(StoreNotConfigured, match="no remote named 'minio'"):
        settings(project)
    config.write_text("[core\n")
    with pytest.raises(StoreNotConfigured, match="DVC cannot read its configuration"):
        settings(project)
    with pytest.raises(StoreNotConfigured, match="not s3://BUCKET/PREFIX"):
        from_remote("x", {"url": "/mnt/nas"}, {})
    with pytest.raises(StoreNotConfigured, match="no endpointurl"):
        from_remote("x", {"url": "s3://b/p"}, {})


def test_a_secret_is_not_shown():
    store = StoreSettings("http://h:1", "b", "p", "key", "s3cret", session_token="t0ken")
    assert "s3cret" not in repr(store)
    assert "t0ken" not in repr(store)


def test_importing_the_store_is_light():
    heavy = "dvc", "minio", "torch", "urllib3", "configobj"
    code = f"import sys, restoration_models.store; print([m for m in {heavy} if m in sys.modules])"
    scripts = Path(__file__).resolve().parents[3] / "scripts"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(scripts)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
