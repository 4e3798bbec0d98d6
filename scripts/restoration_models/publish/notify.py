"""Telling another program what a publish changed: one JSON document, posted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from restoration_models.errors import UsageProblem, WorldFailure
from restoration_models.files import write_bytes
from restoration_models.project import Project
from restoration_models.publish.plan import Change
from restoration_models.sources.address import is_local_host

EVENT = "models.published"
TOKEN = "MODELS_NOTIFY_TOKEN"  # noqa: S105 - the name of a variable, not a secret
SECONDS = (5.0, 15.0)
"""To connect, to answer."""
PAUSES = (0.5, 2.0)
"""Before the second and the third attempt."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class BadAddress(UsageProblem):
    """A notification must not travel in the clear, nor to a place that is no address."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "not an address to notify",
            where=host or "--notify",
            remedy="give https://HOST/…, or http:// on loopback, without a user name; "
            f"a token goes into the environment as {TOKEN}",
        )


class NotifyFailed(WorldFailure):
    """The publish stands, but nobody was told."""

    def __init__(self, host: str, reason: str, attempts: int) -> None:
        times = f"{attempts} attempts" if attempts > 1 else "one attempt"
        super().__init__(
            f"the publish stands, but the notification was not taken ({reason}, {times})",
            where=host,
            remedy="it is kept, and sent first by the next `models publish` with this --notify",
        )


@dataclass(frozen=True, slots=True)
class Notification:
    """What is posted."""

    commit: str
    manifest: Mapping[str, Any]
    """key, version_id, sha256."""
    changes: tuple[Change, ...]
    pruned: tuple[str, ...]
    """Published names that were removed."""

    def body(self) -> bytes:
        """The JSON document, the same for the same publish: a receiver may see it twice."""
        content = {
            "event": EVENT,
            "commit": self.commit,
            "manifest": dict(self.manifest),
            "changes": [asdict(change) for change in self.changes],
            "pruned": list(self.pruned),
        }
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def checked_address(url: str) -> str:
    """Return `url`. Raises `BadAddress`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise BadAddress("") from None
    fine = parts.scheme == "https" or (parts.scheme == "http" and is_local_host(host))
    if not fine or not host or parts.username or parts.password or not url.isprintable() or " " in url:
        raise BadAddress(host)
    return url


@dataclass(frozen=True, slots=True)
class Outbox:
    """Notifications for one address that nobody has taken yet, oldest first, as files."""

    folder: Path

    @classmethod
    def of(cls, project: Project, url: str) -> Outbox:
        """The outbox of this clone for `url`; its name tells nothing of the address."""
        return cls(project.temporary / "notify" / hashlib.sha256(url.encode()).hexdigest()[:32])

    def add(self, body: bytes) -> None:
        """Keep `body` until it was taken."""
        last = max((int(path.stem) for path in self.waiting()), default=0)
        write_bytes(self.folder / f"{last + 1:08d}.json", body)

    def waiting(self) -> list[Path]:
        """What was not taken yet, oldest first."""
        return sorted(path for path in self.folder.glob("*.json") if path.stem.isdecimal())

    def send(self, post: Callable[[bytes], None]) -> int:
        """Post all that waits, oldest first, and forget what was taken; return how many that were."""
        waiting = self.waiting()
        for path in waiting:
            post(path.read_bytes())
            path.unlink()
        return len(waiting)


def notify(
    url: str,
    body: bytes,
    *,
    environment: Mapping[str, str] = os.environ,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Post `body` to `url`, three times at most. Raises `BadAddress` and `NotifyFailed`.

    A token in MODELS_NOTIFY_TOKEN is sent as a bearer's. Redirections are not followed: a token
    must not travel further than to the address that was given. Messages name the host alone, for
    the address of a webhook is itself a secret.
    """
    import requests

    from restoration_models.download.session import Unled

    host = urlsplit(checked_address(url)).netloc
    headers = {"Content-Type": "application/json"}
    if token := environment.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    reason, attempts = "", 0
    for wait in (0.0, *PAUSES):
        if wait:
            pause(wait * random.uniform(0.75, 1.25))  # noqa: S311 - spreads retries, keeps no secret
        attempts += 1
        try:
            # The status alone is wanted: a receiver that drips its text holds nobody up.
            with (
                Unled() as session,
                session.post(
                    url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False, stream=True
                ) as answer,
            ):
                status, taken = answer.status_code, answer.ok and not answer.is_redirect
        except requests.RequestException as error:
            reason = _short(error)
            continue
        if taken:
            return
        reason = f"HTTP status {status}"
        if status not in PASSING:
            break
    raise NotifyFailed(host, reason, attempts)


def _short(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__
