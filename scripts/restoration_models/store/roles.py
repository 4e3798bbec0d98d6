"""Who may do what in the bucket: three roles, as MinIO policies and users.

Each role is a user of that name with one policy. Secrets of new users go to a file that only
the operator can read, before the user exists: a set-up that breaks off loses no secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_models.store.admin import admin as _admin
from restoration_models.store.admin import has_admin_api as _has_admin_api
from restoration_models.store.admin import user as _user
from restoration_models.store.client import admin_answer, asking
from restoration_models.store.handout import KeysFileBroken, new_secret, read_secrets, write_secrets
from restoration_models.store.settings import StoreSettings

__all__ = ["ROLES", "KeysFileBroken", "RolesResult", "ensure_roles", "policy"]

ROLES = ("maintainer", "trainer", "service")
PUBLISHED = ("pretrained_models/*", "site/*", "catalogue.json", "signatures/*")
READ = ("s3:GetObject", "s3:GetObjectVersion")
LOOK = ("s3:GetBucketLocation",)


@dataclass(frozen=True, slots=True)
class RolesResult:
    """What was done about the roles."""

    supported: bool
    """Whether the server has MinIO's admin API; if not, nothing else was done."""
    created: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    policies_written: tuple[str, ...] = ()
    keys_file: Path | None = None
    """Where the secrets of created users are, None where none was created."""


def policy(role: str, bucket: str, prefix: str = "dvc") -> dict[str, Any]:
    """Return what `role` may do in `bucket`, as an S3 policy document.

    A maintainer reads and writes every object, but can neither destroy a version nor change
    the bucket. A trainer reads and lists what DVC keeps. A service reads published names. None
    may make further keys or change its own secret: MinIO lets a user do both unless that is denied,
    and a leaked key would survive its rotation.
    """
    whole, here = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/"
    if role == "maintainer":
        statements = [
            _allow(
                (*LOOK, "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"), [whole]
            ),
            _allow(("s3:GetBucketVersioning",), [whole]),
            _allow(
                (
                    *READ,
                    "s3:PutObject",
                    "s3:DeleteObject",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                ),
                [f"{here}*"],
            ),
            # Denied outright: MinIO takes the right to delete as the right to destroy versions.
            {**_allow(("s3:DeleteObjectVersion",), [f"{here}*"]), "Effect": "Deny"},
        ]
    elif role == "trainer":
        listed = _allow(("s3:ListBucket",), [whole])
        listed["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}/*"]}}
        statements = [_allow(LOOK, [whole]), listed, _allow(("s3:GetObject",), [f"{here}{prefix}/*"])]
    else:
        statements = [_allow(LOOK, [whole]), _allow(READ, [f"{here}{name}" for name in PUBLISHED])]
    statements.append({"Effect": "Deny", "Action": ["admin:*"]})
    return {"Version": "2012-10-17", "Statement": statements}


def ensure_roles(settings: StoreSettings, keys_file: Path) -> RolesResult:
    """Create the policies and users that are missing, and correct policies that differ.

    `settings` holds the operator's keys. Existing users keep their secrets. Secrets of new
    users are in `keys_file` (JSON, mode 0600) by the time they exist; what that file already
    holds is kept. A second call changes nothing. Raises a `StoreFailure`, `KeysFileBroken`
    and OSError.
    """
    admin = _admin(settings)
    if not _has_admin_api(settings, admin):
        return RolesResult(False)
    users = {role: _user(settings, admin, role) for role in ROLES}
    missing = [role for role in ROLES if users[role] is None]
    written = []
    with asking(settings, doing="change roles"):
        for role in ROLES:
            name, document = f"{settings.bucket}-{role}", policy(role, settings.bucket, settings.prefix)
            if not _same(_policy(admin, name), document):
                admin.policy_add(name, policy=document)
                written.append(name)
        if missing:
            for role, keys in _hand_out(settings, keys_file, missing).items():
                admin.user_add(role, keys)
        for role in ROLES:
            name = f"{settings.bucket}-{role}"
            attached = str((users[role] or {}).get("policyName", "")).split(",")
            if name not in attached:
                admin.policy_set(",".join(filter(None, (*attached, name))), user=role)
    kept = tuple(role for role in ROLES if role not in missing)
    return RolesResult(True, tuple(missing), kept, tuple(written), keys_file if missing else None)


def _allow(actions: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _policy(admin: Any, name: str) -> Any:
    from minio.error import MinioAdminException

    try:
        return json.loads(admin.policy_info(name))
    except MinioAdminException as error:
        if admin_answer(error)[0] == "XMinioAdminNoSuchPolicy":
            return None
        raise


def _same(one: Any, other: Any) -> bool:
    """Whether two policies say the same: MinIO gives lists back in an order of its own."""
    return bool(_sorted(one) == _sorted(other))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=repr)
    return value


def _hand_out(settings: StoreSettings, path: Path, roles: list[str]) -> dict[str, str]:
    """Return a secret for each of `roles`, after writing them to `path` beside what it holds."""
    known = read_secrets(path)
    # A secret in the file whose user is missing is of a set-up that broke off.
    chosen = {role: known.get(role) or new_secret() for role in roles}
    write_secrets(path, settings, {**known, **chosen})
    return chosen
