"""The workflows in a real n8n, against real MinIO and a stub of the team's API; where n8n is installed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from restoration_models.publish import publish
from restoration_models.store import setup
from restoration_models.store.roles import ROLES, _admin
from support import n8n
from support.n8n import N8n
from support.published import Shelf, Shop
from support.servers import Server, models

pytestmark = [
    pytest.mark.needs_minio,
    pytest.mark.skipif(n8n.program() is None, reason="n8n is not on PATH"),
]
HEADERS = {"Authorization": n8n.TOKEN}


class Api(BaseHTTPRequestHandler):
    """The team's restoration API, as far as the workflow is concerned."""

    seen: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", "8")
        self.end_headers()
        self.wfile.write(b"restored")

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    Api.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/restore"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def bucket(minio_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Shop]]:
    """A prepared bucket as its operator and as the role service see it."""
    settings = minio_server.settings("n8n-models")
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    setup.prepare(settings, keys)
    service = json.loads(keys.read_text())["users"]["service"]
    changes = {"access_key": service["access-key"], "secret_key": service["secret-key"]}
    yield Shop(settings), Shop(minio_server.settings("n8n-models", **changes))
    for role in ROLES:
        _admin(settings).user_remove(role)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, bucket: tuple[Shop, Shop]) -> Shelf:
    """Three models for one task, the best of them not for commercial use; published."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
            patch.setenv(f"{name}_NAME", "Test")
            patch.setenv(f"{name}_EMAIL", "test@example.invalid")
        shelf = Shelf.begin(tmp_path_factory.mktemp("shelf") / "models")
        shelf.put("small", b"small weights")
        shelf.put("large", b"weights that are larger")
        shelf.put("academic", b"w", licence={"spdx": "CC-BY-NC-4.0", "commercial-use": "no"})
        shelf.put("other", b"for another task", "layer-2", task="motion-deblurring")
        shelf.commit()
        shelf.push(bucket[0])
        publish(shelf.project, bucket=bucket[0].bucket)
    return shelf


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, bucket: tuple[Shop, Shop], shelf: Shelf, api: str
) -> Iterator[N8n]:
    service = bucket[1].settings
    keys = {
        "endpoint": service.endpoint,
        "accessKeyId": service.access_key,
        "secretAccessKey": service.secret_key,
    }
    with n8n.running(tmp_path_factory.mktemp("n8n"), keys, bucket=service.bucket, api_url=api) as found:
        yield found


def test_it_chooses_the_best_model_whose_licence_permits(running: N8n, bucket: tuple[Shop, Shop]) -> None:
    url = f"{running.url}/webhook/models-choose"
    chosen = requests.get(url, headers=HEADERS, timeout=60).json()
    model = bucket[1].manifest().model("small")
    assert (chosen["model"], chosen["sha256"]) == ("small", model.sha256)
    assert (chosen["key"], chosen["version_id"]) == (model.object.key, model.object.version_id)
    assert set(chosen["candidates"]) == {"small", "large"}
    free = requests.get(url, {"commercial_use": "false"}, headers=HEADERS, timeout=60).json()
    assert free["model"] == "academic"
    other = requests.get(url, {"task": "motion-deblurring"}, headers=HEADERS, timeout=60).json()
    assert other["model"] == "other"
    assert requests.get(url, {"task": "deraining"}, headers=HEADERS, timeout=60).status_code == 500


def test_nothing_answers_without_the_token(running: N8n) -> None:
    for path in ("models-choose",):
        assert requests.get(f"{running.url}/webhook/{path}", timeout=60).status_code == 403
    for path in ("models-restore", "models-published"):
        assert requests.post(f"{running.url}/webhook/{path}", timeout=60).status_code == 403


def test_a_document_comes_back_restored(running: N8n, bucket: tuple[Shop, Shop]) -> None:
    done = requests.post(
        f"{running.url}/webhook/models-restore",
        files={"document": ("page.png", b"a page", "image/png")},
        data={"task": "motion-deblurring"},
        headers=HEADERS,
        timeout=60,
    )
    assert (done.status_code, done.content, done.headers["x-model"]) == (200, b"restored", "other")
    headers, body = Api.seen[-1]
    model = bucket[1].manifest().model("other")
    assert headers["x-api-key"] == "key-of-the-test"
    assert b"a page" in body and b'name="document"' in body
    for said in ("other", model.sha256, model.object.key, model.object.version_id, "motion-deblurring"):
        assert said.encode() in body


def test_it_lists_what_a_publish_changed(running: N8n, shelf: Shelf, bucket: tuple[Shop, Shop]) -> None:
    shelf.use(bucket[0])
    shelf.put("large", b"weights that are larger still")
    shelf.take_away("academic")
    shelf.commit()
    shelf.push(bucket[0])
    url = f"{running.url}/webhook/models-published"
    done = models(shelf.root, "publish", "--notify", url, MODELS_NOTIFY_TOKEN="of-the-test")
    assert done.returncode == 0, done.stderr
    manifest = bucket[1].manifest()
    body = {
        "event": "models.published",
        "commit": manifest.commit,
        "manifest": {"key": "catalogue.json", "version_id": "v", "sha256": "0" * 64},
        "changes": [
            {"model": "large", "change": "changed", "layer": "layer-1", "task": "denoising-real",
             "before": "a" * 64, "after": "b" * 64},
            {"model": "academic", "change": "removed", "layer": "layer-1", "task": "denoising-real",
             "before": "c" * 64, "after": None},
        ],
        "pruned": [],
    }  # fmt: skip
    said = requests.post(url, json=body, headers=HEADERS, timeout=60).json()
    assert said["lines"] == [
        "large: other weights (aaaaaaaaaaaa to bbbbbbbbbbbb)",
        "academic: no longer published",
    ]
    refused = requests.post(url, json={"event": "something else"}, headers=HEADERS, timeout=60)
    assert refused.status_code == 422


def test_it_runs_by_hand_too(running: N8n, tmp_path: Path) -> None:
    del tmp_path
    environment = {**running.environment, "N8N_RUNNERS_BROKER_PORT": str(n8n.free_port())}
    done = n8n.command(environment, "execute", "--id=modelsChoose0001", "--rawOutput")
    assert '"model": "small"' in done.stdout.replace('"model":"', '"model": "')
