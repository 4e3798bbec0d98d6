"""Giving a clone its keys to the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from restoration_models.errors import UsageProblem
from restoration_models.project import Project
from restoration_models.store.health import check_keys
from restoration_models.store.local_config import CONNECTION_KEYS, read_remote, write_remote
from restoration_models.store.settings import StoreSettings, checked_endpoint
from restoration_models.store.settings import settings as settings_of


class NothingToCopy(UsageProblem):
    """The other clone has no keys."""

    def __init__(self, path: Path, remote: str) -> None:
        super().__init__(
            f"holds no keys of remote {remote!r}",
            where=str(path),
            remedy="name a clone that has them, or its .dvc/config.local",
        )


class KeyMissing(UsageProblem):
    """An access key or its secret was not given."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"no {what}", where="models store login", remedy=remedy)


def login(
    project: Project,
    *,
    access_key: str,
    secret_key: str,
    session_token: str | None = None,
    endpoint: str | None = None,
    check: bool = True,
) -> StoreSettings:
    """Write keys, and `endpoint` where given, to this clone's .dvc/config.local (mode 0600).

    With `check`, the server must accept them first; nothing is written otherwise. Raises a
    `StoreFailure`, `BadEndpoint`, `UnwritableValue`, `LocalConfigBroken` and OSError.
    """
    values: dict[str, str | None] = {
        "access_key_id": access_key,
        "secret_access_key": secret_key,
        # A former session's token would make DVC present the new keys with it.
        "session_token": session_token,
    }
    if endpoint:
        values["endpointurl"] = checked_endpoint(endpoint)
    return _write(project, values, check)


def copy_login(project: Project, source: Path, *, check: bool = True) -> StoreSettings:
    """Take endpoint and keys from `source`: another clone, or its config.local.

    Raises what `login` raises, and `NothingToCopy`.
    """
    configured = settings_of(project)
    path = source / ".dvc" / "config.local" if source.is_dir() else source
    found = read_remote(path, configured.remote)
    if not (found.get("access_key_id") and found.get("secret_access_key")):
        raise NothingToCopy(path, configured.remote)
    values: dict[str, str | None] = {key: found.get(key) for key in CONNECTION_KEYS}
    if values["endpointurl"]:
        values["endpointurl"] = checked_endpoint(values["endpointurl"])
    return _write(project, values, check)


def _write(project: Project, values: dict[str, str | None], check: bool) -> StoreSettings:
    configured = settings_of(project)
    chosen = replace(
        configured,
        endpoint=values.get("endpointurl") or configured.endpoint,
        access_key=values["access_key_id"],
        secret_key=values["secret_access_key"],
        session_token=values.get("session_token"),
        region=values.get("region") or configured.region,
    )
    if check:
        check_keys(chosen)
    write_remote(project.dvc_folder / "config.local", configured.remote, values)
    return chosen
