"""The file of the roles' secret keys, which their holders are given: JSON, mode 0600."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from restoration_models.errors import UsageProblem
from restoration_models.files import write_text
from restoration_models.store.settings import StoreSettings

SECRET_BYTES = 30


class KeysFileBroken(UsageProblem):
    """The file of handed-out keys cannot be understood."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "not a file of keys that `models store init` wrote",
            where=str(path),
            remedy="restore it, or name another with --keys-file",
        )


def new_secret() -> str:
    """A secret key that nobody can guess: 40 letters, digits, '-' and '_'."""
    return secrets.token_urlsafe(SECRET_BYTES)


def read_secrets(path: Path) -> dict[str, str]:
    """The secret keys in the file `path`, by role; none where there is no file. Raises `KeysFileBroken`."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))["users"]
        return {role: str(keys["secret-key"]) for role, keys in held.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysFileBroken(path) from error


def write_secrets(path: Path, settings: StoreSettings, known: Mapping[str, str]) -> None:
    """Replace the file `path` in one step. Raises OSError."""
    content = {
        "endpoint": settings.endpoint,
        "bucket": settings.bucket,
        "users": {role: {"access-key": role, "secret-key": secret} for role, secret in known.items()},
    }
    write_text(path, json.dumps(content, indent=2) + "\n", mode=0o600)
