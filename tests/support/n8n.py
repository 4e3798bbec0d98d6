"""A real n8n on loopback with the project's workflows, where n8n is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from support.servers import REPOSITORY, free_port

FOLDER = REPOSITORY / "integrations" / "n8n"
WORKFLOWS = ("choose-model", "restore-document", "list-changes")
TOKEN = "Bearer of-the-test"
SECONDS = 180.0


@dataclass(frozen=True)
class N8n:
    """A running n8n."""

    url: str
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of n8n's commands on the same data."""
        return command(self.environment, *arguments)


def program() -> str | None:
    """The ``n8n`` on PATH, or None."""
    return shutil.which("n8n")


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [program() or "n8n", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def credentials(store: dict[str, Any]) -> list[dict[str, Any]]:
    """The three credentials that the workflows name, as n8n imports them."""
    return [
        {
            "id": "modelsWebhookTok",
            "name": "models: token of the webhooks",
            "type": "httpHeaderAuth",
            "data": {"name": "Authorization", "value": TOKEN},
        },
        {
            "id": "modelsApiKey0000",
            "name": "models: key of the restoration API",
            "type": "httpHeaderAuth",
            "data": {"name": "X-API-Key", "value": "key-of-the-test"},
        },
        {
            "id": "modelsStoreRead0",
            "name": "models: store, role service",
            "type": "s3",
            "data": {"region": "us-east-1", "forcePathStyle": True, "ignoreSSLIssues": False, **store},
        },
    ]


@contextmanager
def running(folder: Path, store: dict[str, Any], **settings: Any) -> Iterator[N8n]:
    """Run n8n with the workflows published; `settings` replace values of their Settings nodes."""
    ports = [free_port(), free_port()]
    environment = {
        **os.environ,
        "N8N_USER_FOLDER": str(folder / "home"),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_HOST": "127.0.0.1",
        "N8N_PORT": str(ports[0]),
        "N8N_RUNNERS_BROKER_PORT": str(ports[1]),
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_ENCRYPTION_KEY": "of-the-test",
        "N8N_LOG_LEVEL": "info",
    }
    keys = folder / "credentials.json"
    keys.write_text(json.dumps(credentials(store)))
    command(environment, "import:credentials", f"--input={keys}")
    for name in WORKFLOWS:
        data = json.loads((FOLDER / name / "workflow.json").read_text(encoding="utf-8"))
        for each in data["nodes"]:
            for assignment in each["parameters"].get("assignments", {}).get("assignments", []):
                assignment["value"] = settings.get(assignment["name"], assignment["value"])
        file = folder / f"{name}.json"
        file.write_text(json.dumps(data))
        command(environment, "import:workflow", f"--input={file}")
        command(environment, "publish:workflow", f"--id={data['id']}")
    log = folder / "n8n.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program() or "n8n", "start"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        _wait(process, url, log)
        yield N8n(url, environment)
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the webhooks are there: some moments after the server, which says nothing of it."""
    missing = {"models-choose": "GET", "models-restore": "POST", "models-published": "POST"}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")
        with suppress(requests.RequestException):
            for path, method in list(missing.items()):
                if requests.request(method, f"{url}/webhook/{path}", timeout=5).status_code == 403:
                    del missing[path]  # it asks for the token
        if not missing:
            return
        time.sleep(0.2)  # there is no event to wait for
    pytest.fail(log.read_text(errors="replace"))
