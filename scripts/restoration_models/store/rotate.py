"""New secret keys for the roles of a bucket, and for an embedded store.

The old secrets stop working at once: a MinIO user has one. The new ones are on disk before the
server hears of them, so that a rotation that breaks off loses none; run again, it goes on with
the same ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from restoration_models.download.lock import held
from restoration_models.errors import UsageProblem, WorldFailure
from restoration_models.files import write_text
from restoration_models.project import Project
from restoration_models.store import embedded, setup
from restoration_models.store.admin import admin as admin_of
from restoration_models.store.admin import has_admin_api, user, withdraw_derived
from restoration_models.store.client import StoreFailure, asking
from restoration_models.store.handout import KeysFileBroken, new_secret, read_secrets, write_secrets
from restoration_models.store.health import check_keys
from restoration_models.store.local_config import read_remote, write_remote
from restoration_models.store.memory import Memory, StoreFolder
from restoration_models.store.roles import ROLES
from restoration_models.store.settings import StoreSettings
from restoration_models.store.settings import settings as settings_of


class NoRoles(UsageProblem):
    """There is nobody to give a new secret to."""

    def __init__(self, settings: StoreSettings, wanted: Sequence[str], why: str) -> None:
        super().__init__(
            f"{why}: no new secret for {', '.join(wanted)}",
            where=settings.endpoint,
            remedy="`models store init` creates the roles on MinIO; elsewhere the server's operator changes "
            "keys, and `models store login` takes them",
        )


class UnknownRole(UsageProblem):
    """No role of that name."""

    def __init__(self, name: str) -> None:
        super().__init__("no role of that name", where=name, remedy=f"the roles are {', '.join(ROLES)}")


class RotationBroken(WorldFailure):
    """The rotation ended half-way; every secret that may be in force is on this machine."""

    def __init__(
        self, settings: StoreSettings, done: Sequence[str], left: Sequence[str], progress: _Progress
    ):
        new = f"{', '.join(done)} {_have(done)} new secrets" if done else "nobody has a new secret yet"
        super().__init__(
            f"the rotation ended half-way: {new}; {left[0]} may have; "
            f"what comes after it keeps the old one ({', '.join(left[1:]) or 'nobody'})",
            where=settings.endpoint,
            remedy=f"run `models store rotate` again: it goes on with the same secrets, from {progress.path}",
        )


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What `rotate` did."""

    endpoint: str
    bucket: str
    roles: tuple[str, ...] = ()
    """Who has a new secret."""
    absent: tuple[str, ...] = ()
    """Roles that the server does not have."""
    disabled: tuple[str, ...] = ()
    """Users that an operator disabled: left as they are, for a new secret would enable them."""
    withdrawn: int = 0
    """Lasting keys made from a role's, which no longer work either."""
    keys_file: Path | None = None
    """Where the roles' secrets are."""
    embedded: bool = False
    """The embedded store has new keys of its own, and was started again."""
    here: bool = False
    """This clone's .dvc/config.local had a secret that is no longer good, and has the new one."""


@dataclass(slots=True)
class _Progress:
    """The file of a rotation under way: the secrets that are still to be told to the server."""

    path: Path
    settings: StoreSettings
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def begin(
        cls, keys: Path, settings: StoreSettings, live: Sequence[str], named: Sequence[str]
    ) -> _Progress:
        """Go on with what an earlier run left for this bucket, or draw new secrets; on disk either way.

        A run that goes on does what is left, and what is `named` besides.
        """
        found = cls(keys.with_name(f"{keys.stem}.rotating.json"), settings)
        left = {role: secret for role, secret in found._left().items() if role in live}
        for role in live:
            if role in named or not (left or named):
                found.secrets[role] = left.get(role) or new_secret()
            elif role in left:
                found.secrets[role] = left[role]
        found._write()
        return found

    def done(self, role: str) -> None:
        """Note that `role` has its secret."""
        del self.secrets[role]
        self._write()

    def _left(self) -> dict[str, str]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if (content["endpoint"], content["bucket"]) != (self.settings.endpoint, self.settings.bucket):
                raise KeysFileBroken(self.path)
            return {role: str(content["secrets"][role]) for role in ROLES if role in content["secrets"]}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise KeysFileBroken(self.path) from error

    def _write(self) -> None:
        if not self.secrets:
            self.path.unlink(missing_ok=True)
            return
        content = {
            "endpoint": self.settings.endpoint,
            "bucket": self.settings.bucket,
            "secrets": self.secrets,
        }
        write_text(self.path, json.dumps(content, indent=2) + "\n", mode=0o600)


def rotate(
    project: Project,
    *,
    endpoint: str | None = None,
    bucket: str | None = None,
    roles: Sequence[str] = (),
    keys_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Rotated:
    """Give `roles` (default: all that there are) new secret keys, and an embedded store its own.

    The server is the one that this clone uses, or `endpoint`. For the team's, the operator's keys
    are found as `setup.operator` finds them. Secrets of roles go to the file that `models store
    init` writes, and to this clone's .dvc/config.local where it has the old one.

    Raises `UnknownRole`, `NoRoles`, `RotationBroken`, a `StoreFailure`, `KeysFileBroken`, what
    starting the embedded store raises, and OSError.
    """
    for role in roles:
        if role not in ROLES:
            raise UnknownRole(role)
    memory = _embedded(project, endpoint)
    if memory is None:
        settings = setup.operator(project, endpoint, bucket, environment)
    else:
        own = settings_of(project)
        settings = replace(
            own,
            endpoint=memory.endpoint,
            bucket=bucket or own.bucket,
            access_key=memory.access_key,
            secret_key=memory.secret_key,
            session_token=None,
        )
    keys = keys_file or setup.keys_file(project, settings)
    result = _rotate_roles(project, settings, keys, roles, must=memory is None or bool(roles))
    if memory is None or roles:
        return result
    here = _has_keys(project, settings, memory.access_key)
    embedded.renew(project)
    return replace(result, embedded=True, here=result.here or here)


def _embedded(project: Project, endpoint: str | None) -> Memory | None:
    """The embedded store's memory, where it is up and the one that is meant."""
    folder = StoreFolder(project.store_data)
    memory = folder.memory() if folder.root.is_dir() else None
    if memory is None or not memory.ports or folder.process() is None:
        return None
    meant = endpoint or settings_of(project).endpoint
    return memory if meant.rstrip("/") == memory.endpoint else None


def _rotate_roles(
    project: Project, settings: StoreSettings, keys: Path, named: Sequence[str], *, must: bool
) -> Rotated:
    result = Rotated(settings.endpoint, settings.bucket)
    admin, wanted = admin_of(settings), named or ROLES
    if not has_admin_api(settings, admin):
        if must:
            raise NoRoles(settings, wanted, "this server has no MinIO admin API")
        return result
    users = {role: user(settings, admin, role) for role in ROLES}
    disabled = [role for role, found in users.items() if found and found.get("status") == "disabled"]
    live = [role for role, found in users.items() if found and role not in disabled]
    result = replace(
        result,
        absent=tuple(role for role in wanted if users[role] is None),
        disabled=tuple(role for role in wanted if role in disabled),
    )
    if not set(live) & set(wanted):
        if must:
            raise NoRoles(settings, wanted, "the server has no such users, or they are disabled")
        return result
    keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(keys.with_name(f"{keys.name}.lock"), lambda: None):
        known = read_secrets(keys)
        progress = _Progress.begin(keys, settings, live, named)
        done: list[str] = []
        for role in list(progress.secrets):
            secret = progress.secrets[role]
            try:
                with asking(settings, doing="change users: that takes the server's administrator"):
                    admin.user_add(role, secret)
                known[role] = secret
                write_secrets(keys, settings, known)
                here = _tell_clone(project, settings, role, secret)
                withdrawn = withdraw_derived(settings, admin, role)
                check_keys(replace(settings, access_key=role, secret_key=secret))
                progress.done(role)
            except (StoreFailure, WorldFailure, OSError) as error:
                raise RotationBroken(settings, done, list(progress.secrets), progress) from error
            done.append(role)
            result = replace(result, here=result.here or here, withdrawn=result.withdrawn + withdrawn)
    return replace(result, roles=tuple(done), keys_file=keys)


def _has_keys(project: Project, settings: StoreSettings, access_key: str) -> bool:
    """Whether this clone's own configuration has the keys of `access_key` at this server."""
    configured = settings_of(project)
    present = read_remote(project.dvc_folder / "config.local", configured.remote)
    return configured.endpoint == settings.endpoint and present.get("access_key_id") == access_key


def _tell_clone(project: Project, settings: StoreSettings, role: str, secret: str) -> bool:
    if not _has_keys(project, settings, role):
        return False
    local = project.dvc_folder / "config.local"
    write_remote(local, settings_of(project).remote, {"secret_access_key": secret, "session_token": None})
    return True
