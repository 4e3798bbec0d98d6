"""A clone's own settings of the remote: .dvc/config.local, mode 0600.

Edited with DVC's own parser (configobj), so that comments and every other setting stay.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from restoration_models.errors import UsageProblem
from restoration_models.files import write_text

CONNECTION_KEYS = ("endpointurl", "access_key_id", "secret_access_key", "session_token", "region")
"""The settings of a remote that say where it is and with which keys."""


class LocalConfigBroken(UsageProblem):
    """.dvc/config.local is not in DVC's format."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"not a DVC configuration file ({reason})",
            where=str(path),
            remedy="correct the file or delete it",
        )


class UnwritableValue(UsageProblem):
    """A value that DVC's configuration format cannot hold."""

    def __init__(self, path: Path, key: str) -> None:
        super().__init__(
            f"{key} holds characters that DVC's configuration format cannot hold",
            where=str(path),
            remedy="ask for a key of letters, digits, '-' and '_'",
        )


def read_remote(path: Path, remote: str) -> dict[str, str]:
    """Return what `path` (a config.local) says about `remote`; empty where it says nothing.

    Raises `LocalConfigBroken`.
    """
    config = _read(path)
    name = _section(config, remote)
    return {} if name is None else {str(key): str(value) for key, value in config[name].items()}


def write_remote(path: Path, remote: str, values: Mapping[str, str | None]) -> None:
    """Set `values` of `remote` in `path`, None removing a key; everything else stays.

    The file is replaced in one step and has mode 0600. A section left empty is removed, and
    so is a file left empty. Raises `LocalConfigBroken`, `UnwritableValue` and OSError.
    """
    config = _read(path)
    name = _section(config, remote)
    if name is None:
        name = f'remote "{remote}"'
        config[name] = {}
    section = config[name]
    for key, value in values.items():
        if value is None:
            section.pop(key, None)
        else:
            section[key] = value
    if not section and not config.comments.get(name):
        del config[name]
    if not config.sections and not config.scalars and not config.initial_comment and not config.final_comment:
        path.unlink(missing_ok=True)
        return
    text = _text(config)
    again = _parse(text.splitlines(), path)
    for key, value in values.items():
        if value is not None and again[_section(again, remote)].get(key) != value:
            raise UnwritableValue(path, key)
    # A link stays a link: what it points to is replaced.
    write_text(path.resolve(), text, mode=0o600)


def _section(config: Any, remote: str) -> str | None:
    for name in config.sections:
        match = re.fullmatch(r'\s*remote\s*"(.*)"\s*', name)
        if match and match[1] == remote:
            return str(name)
    return None


def _read(path: Path) -> Any:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except UnicodeDecodeError as error:
        raise LocalConfigBroken(path, "not UTF-8") from error
    return _parse(lines, path)


def _parse(lines: list[str], path: Path) -> Any:
    from configobj import ConfigObj, ConfigObjError

    try:
        return ConfigObj(lines, encoding="utf-8")
    except ConfigObjError as error:
        # configobj quotes the line, which may hold a secret: only its number is shown.
        number = getattr(error, "line_number", None)
        raise LocalConfigBroken(path, f"line {number}" if number else "unreadable") from None


def _text(config: Any) -> str:
    from configobj import ConfigObjError

    buffer = io.BytesIO()
    try:
        config.write(buffer)
    except ConfigObjError:
        raise UnwritableValue(Path(".dvc/config.local"), "a value") from None
    return buffer.getvalue().decode()
