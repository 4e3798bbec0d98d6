"""What steers DVC must be the project's own: its configuration, what it passes over, its commands.

A team writes its own server into the committed remote; all else in ``.dvc/config`` is the
project's, and what is one machine's or one person's belongs in ``.dvc/config.local``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from restoration_models import shipped
from restoration_models.check import unseen
from restoration_models.check.places import Places
from restoration_models.errors import Problem
from restoration_models.revision import Blob

CONFIG = ".dvc/config"
LOCAL_CONFIG = ".dvc/config.local"
IGNORED = ".dvcignore"
RESTORE = "restore it with `git checkout`"
TEAM_KEYS = frozenset(
    {"url", "endpointurl", "region", "ssl_verify", "use_ssl", "read_timeout", "connect_timeout"}
)
"""Of a remote: where a team's server is and how to reach it."""
SECRET_KEYS = frozenset(
    {
        "access_key_id", "secret_access_key", "session_token", "password", "ask_password", "sas_token",
        "account_key", "connection_string", "token", "client_secret", "gdrive_client_secret", "keyfile",
        "passphrase", "sse_customer_key",
    }
)  # fmt: skip
_OURS = frozenset({"verify"})
_REMOTE = re.compile(r'\s*remote\s*"(.*)"\s*')
# A folder's name may hold any character, line ends too, and DVC looks into all of them.
_PIPELINE = re.compile(r"(.*/)?(dvc\.yaml|[^/]*\.dvc)", re.DOTALL)
_LAYER_PIPELINE = re.compile(r"layers/[^/]+/dvc\.yaml")
_HIDDEN_FROM_DVC = ("tests/", "scripts/", "build/", "dist/")
"""Folders of .dvcignore that git may have."""


def foreign(
    files: Mapping[str, Blob], contents: Mapping[str, bytes], layers: tuple[str, ...]
) -> Iterator[Problem]:
    """A problem for whatever steers DVC and is not the project's own."""
    yield from _config(contents, Places(contents))
    if LOCAL_CONFIG in files and files[LOCAL_CONFIG].tracked:
        remedy = f"`git rm --cached {LOCAL_CONFIG}`, and have its keys replaced: they are in git's history"
        yield Problem(LOCAL_CONFIG, 0, "", "one machine's own settings and keys are committed to git", remedy)
    yield from _ignored(files, contents)
    yield from unseen.foreign(files, contents)
    yield from _pipelines(files, contents, layers)


def _ignored(files: Mapping[str, Blob], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """What DVC passes over: one line more hides the models' stages, one less shows it those of tests."""
    present = contents.get(IGNORED)
    if present is None:
        yield Problem(IGNORED, 0, "", "the list of what DVC passes over is missing", RESTORE)
    elif (found := _text(present)) != shipped.dvc_ignore():
        what = "not the project's own: it decides which files and stages DVC sees"
        yield Problem(IGNORED, _first_difference(found, shipped.dvc_ignore()), "", what, RESTORE)
    for path in files:
        if path.endswith(f"/{IGNORED}") and not path.startswith(_HIDDEN_FROM_DVC):
            yield Problem(path, 0, "", "hides files from DVC that the project shows it", "remove the file")


def _pipelines(
    files: Mapping[str, Blob], contents: Mapping[str, bytes], layers: tuple[str, ...]
) -> Iterator[Problem]:
    own = {"dvc.yaml": shipped.root_pipeline()}
    own |= {f"layers/{layer}/dvc.yaml": shipped.layer_pipeline() for layer in layers}
    for path in sorted(own.keys() | {path for path in files if _LAYER_PIPELINE.fullmatch(path)}):
        text, present = own.get(path, shipped.layer_pipeline()), contents.get(path)
        if present is None:
            yield Problem(
                path, 0, "", "the pipeline's file is missing", f"{RESTORE}, or copy another layer's"
            )
        elif (found := _text(present)) != text:
            line = _first_difference(found, text)
            what = "not the project's own pipeline: `dvc repro` would run other commands"
            remedy = f"{RESTORE}; every layer has the same text"
            yield Problem(path, line, "", what, remedy)
    for path in files:
        other = _PIPELINE.fullmatch(path)
        known = path in own or _LAYER_PIPELINE.fullmatch(path) or path.startswith(_HIDDEN_FROM_DVC)
        if other and not known:
            yield Problem(path, 0, "", "stages of DVC that are not the project's own", "remove the file")


def _config(contents: Mapping[str, bytes], places: Places) -> Iterator[Problem]:
    present = contents.get(CONFIG)
    if present is None:
        yield Problem(CONFIG, 0, "", "DVC's configuration is missing", RESTORE)
        return
    found = _parsed(present.decode("utf-8", "replace"))
    own = _parsed(shipped.dvc_config())
    if found is None or own is None:
        yield Problem(CONFIG, 0, "", "not in the format of DVC's configuration", RESTORE)
        return
    for section in sorted(own.keys() | found.keys()):
        if remote := _REMOTE.fullmatch(section):
            values = found.get(section)
            if values is None and _default(found) == remote[1]:
                yield Problem(CONFIG, 0, section, "the project's remote is missing", RESTORE)
            elif isinstance(values, dict):
                yield from _remote(section, values, places)
            continue
        ours, theirs = own.get(section), found.get(section)
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            what = "is missing" if theirs is None else "is not one of the project's"
            yield Problem(CONFIG, _line(places, section), section, f"this section {what}", _elsewhere(theirs))
            continue
        for key in sorted(ours.keys() | theirs.keys()):
            if (section, key) == ("core", "remote") and f'remote "{theirs.get(key)}"' in found:
                continue  # a team may name its remote
            if ours.get(key) == theirs.get(key):
                continue
            name, line = f"{section}.{key}", _line(places, key)
            if key in theirs and key not in ours:
                yield Problem(
                    CONFIG, line, name, "this setting is not one of the project's", _elsewhere(True)
                )
            else:
                what = f"must be {_shown(ours[key])}"
                yield Problem(CONFIG, line, name, what, f"write it so in {CONFIG}")


def _default(config: Mapping[str, Any]) -> str:
    """The name of the remote that DVC uses."""
    core = config.get("core")
    return str(core.get("remote")) if isinstance(core, dict) else ""


def _remote(section: str, values: Mapping[str, Any], places: Places) -> Iterator[Problem]:
    for key, value in sorted(values.items()):
        line, place, text = _line(places, key), f"{section}.{key}", str(value)
        if key in SECRET_KEYS:
            remedy = (
                f"`models store login` keeps it in {LOCAL_CONFIG}; have it replaced, it is in git's history"
            )
            yield Problem(CONFIG, line, place, "a credential is committed to git", remedy)
        elif key == "url" and not re.fullmatch(
            r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?", text
        ):
            yield Problem(CONFIG, line, place, "must be s3://BUCKET/PREFIX", "name the team's bucket")
        elif key == "endpointurl" and not _is_endpoint(text):
            what = "must be http://HOST:PORT or https://HOST, without a user name or a path"
            yield Problem(CONFIG, line, place, what, "name the team's server")
        elif key == "ssl_verify" and text.lower() in ("false", "no", "off", "0"):
            what = "switches the check of the server's certificate off for everybody"
            remedy = f"remove it; one machine's exception belongs in {LOCAL_CONFIG}"
            yield Problem(CONFIG, line, place, what, remedy)
        elif key not in TEAM_KEYS | _OURS:
            yield Problem(CONFIG, line, place, "this setting is not one of the project's", _elsewhere(True))
    if str(values.get("verify")).lower() != "true":
        what = "must be true: bytes from the store are hashed before they are believed"
        yield Problem(CONFIG, _line(places, "verify"), f"{section}.verify", what, f"write it so in {CONFIG}")


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    bare = not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_fine and bare


def _parsed(text: str) -> dict[str, Any] | None:
    from configobj import ConfigObj, ConfigObjError

    try:
        return dict(ConfigObj(text.splitlines(), interpolation=False, encoding="utf-8").dict())
    except (ConfigObjError, UnicodeError):
        return None


def _line(places: Places, key: str) -> int:
    quoted = re.escape(key)
    return places.line(CONFIG, rf"[ \t]*(?:{quoted}[ \t]*=|\[[ \t]*['\"]?{quoted}['\"]?[ \t]*\])")


def _elsewhere(present: object) -> str:
    return f"remove it; one machine's own settings belong in {LOCAL_CONFIG}" if present else RESTORE


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(content: bytes) -> str:
    """A file's text, its line ends as git keeps them."""
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def _first_difference(present: str, text: str) -> int:
    ours, theirs = text.splitlines(), present.splitlines()
    pairs = enumerate(zip(ours, theirs, strict=False), start=1)
    return next((number for number, (one, other) in pairs if one != other), min(len(ours), len(theirs)) + 1)
