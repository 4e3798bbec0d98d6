"""The compose file and the command in it: four drives, TLS, keys from files, then `models store init`."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from restoration_models.publish import publish
from restoration_models.publish.verify import verify
from restoration_models.store import StoreSettings
from restoration_models.store.login import login
from support.published import Shelf, Shop
from support.servers import MINIO_MODULE, REPOSITORY, free_port, models, require_minio

FOLDER = REPOSITORY / "integrations" / "minio"
SECONDS = 60.0


def service() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Running:
    settings: StoreSettings
    authority: Path
    drives: Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The compose file's command with its paths replaced, on loopback."""
    program = require_minio()
    minio = service()["services"]["minio"]
    drives, certs, secrets = (tmp_path / name for name in ("drives", "certs", "secrets"))
    for number in range(1, 5):
        (drives / str(number)).mkdir(parents=True)
    (certs / "CAs").mkdir(parents=True)
    secrets.mkdir()
    (secrets / "root_user").write_text("operator-of-the-test")
    (secrets / "root_password").write_text("a-secret-of-the-test")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(certs / "private.key")
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(certs / "public.crt", append=number > 0)
    port = free_port()
    replaced = {
        "/certs": str(certs),
        ":9000": f"127.0.0.1:{port}",
        ":9001": f"127.0.0.1:{free_port()}",
        "/data/{1...4}": f"{drives}/{{1...4}}",
    }
    command = [program, *(replaced.get(word, word) for word in minio["command"])]
    given = {key: value.replace("/run/secrets", str(secrets)) for key, value in minio["environment"].items()}
    # Drives of a test are folders of one disk, which MinIO would refuse.
    environment = {**given, "MINIO_BROWSER": "off", "MINIO_CI_CD": "1", "HOME": str(tmp_path)}
    log = tmp_path / "minio.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    try:
        (health,) = [word for word in minio["healthcheck"]["test"] if word.startswith("https://")]
        _wait(process, health.replace(":9000", f":{port}"), tmp_path / "ca.pem", log)
        settings = StoreSettings(
            endpoint=f"https://127.0.0.1:{port}",
            bucket="models",
            prefix="dvc",
            access_key="operator-of-the-test",
            secret_key="a-secret-of-the-test",  # not a secret: of the server that tests start
            verify=str(tmp_path / "ca.pem"),
        )
        yield Running(settings, tmp_path / "ca.pem", drives)
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], url: str, authority: Path, log: Path) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)  # there is no event to wait for
    pytest.fail(log.read_text())


@pytest.mark.needs_minio
def test_init_publish_and_read_over_tls_on_four_drives(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf.begin(tmp_path / "models")
    shelf.put("cleaner", bytes(range(256)) * 4096)
    shelf.commit()
    keys = tmp_path / "keys.json"
    done = models(
        shelf.root, "store", "init", "--endpoint", server.settings.endpoint, "--keys-file", str(keys),
        MINIO_ROOT_USER="operator-of-the-test",
        MINIO_ROOT_PASSWORD="a-secret-of-the-test",  # not a secret: of the server that tests start
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    maintainer = json.loads(keys.read_text())["users"]["maintainer"]
    login(
        shelf.project,
        access_key=maintainer["access-key"],
        secret_key=maintainer["secret-key"],
        endpoint=server.settings.endpoint,
    )
    shelf.push(Shop(server.settings))
    publish(shelf.project)
    assert verify(shelf.project, read_bytes=True).objects == 6
    # Two of the four drives may fail, and every byte can still be read.
    for number in ("3", "4"):
        shutil.rmtree(server.drives / number)
    assert verify(shelf.project, read_bytes=True).objects == 6
    # Without the authority nobody is believed.
    monkeypatch.delenv("AWS_CA_BUNDLE")
    untrusted = models(shelf.root, "store", "status")
    assert untrusted.returncode == 3 and "TLS" in untrusted.stderr


def test_the_compose_file_is_closed_unless_asked() -> None:
    minio = service()["services"]["minio"]
    assert minio["ports"] == ["${MINIO_BIND:-127.0.0.1}:9000:9000", "127.0.0.1:9001:9001"]
    assert [volume["target"] for volume in minio["volumes"]] == [f"/data/{n}" for n in range(1, 5)] + [
        "/certs"
    ]
    assert minio["volumes"][-1]["read_only"] is True
    assert not any("PASSWORD" in key and not key.endswith("_FILE") for key in minio["environment"])
    assert minio["healthcheck"]["test"][0] == "CMD"
    assert minio["cap_drop"] == ["ALL"]


def test_the_image_is_the_release_that_the_tests_run() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG MINIO={MINIO_MODULE.partition('@')[2]}" in text
    assert 'go install -trimpath -ldflags "-s -w" "github.com/minio/minio@${MINIO}"' in text
