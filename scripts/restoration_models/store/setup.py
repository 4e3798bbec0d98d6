"""Preparing a bucket: versions kept and expired, unfinished uploads dropped, nobody anonymous."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restoration_models.project import Project
from restoration_models.store.client import BucketMissing, NoKeys, StoreFailure, asking, client
from restoration_models.store.health import check_keys
from restoration_models.store.roles import RolesResult, ensure_roles
from restoration_models.store.settings import StoreSettings, checked_bucket, checked_endpoint
from restoration_models.store.settings import settings as settings_of

EXPIRE_DAYS = 30
UPLOAD_DAYS = 7
RULE = "restoration-models"


class BucketUnfit(StoreFailure):
    """The server took a setting and does not show it afterwards."""

    def __init__(self, settings: StoreSettings, what: str) -> None:
        super().__init__(
            f"bucket {settings.bucket} does not keep {what}",
            where=settings.endpoint,
            remedy="use MinIO, or an S3 server that has bucket versioning and lifecycle rules",
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found and did."""

    endpoint: str
    bucket: str
    changes: tuple[str, ...]
    """What was changed, in words; empty where all was as it should be."""
    roles: RolesResult


def operator(
    project: Project, endpoint: str | None, bucket: str | None, environment: Mapping[str, str] = os.environ
) -> StoreSettings:
    """Return the bucket to prepare, with the keys of the server's operator.

    Keys: MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, else AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, else those of the configured remote where the endpoint is its own.
    Raises `NoKeys`, `BadEndpoint`, `BadBucket` and `StoreNotConfigured`.
    """
    configured = settings_of(project)
    chosen = replace(
        configured,
        endpoint=checked_endpoint(endpoint) if endpoint else configured.endpoint,
        bucket=checked_bucket(bucket) if bucket else configured.bucket,
    )
    for access, secret, token in (
        ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", None),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    ):
        if environment.get(access) and environment.get(secret):
            return replace(
                chosen,
                access_key=environment[access],
                secret_key=environment[secret],
                session_token=environment.get(token) if token else None,
            )
    if chosen.endpoint != configured.endpoint or not chosen.access_key:
        raise OperatorKeysMissing(chosen)
    return chosen


class OperatorKeysMissing(NoKeys):
    """The set-up was not given an operator's keys."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(settings)
        self.what = "the set-up needs the keys of the server's operator"
        self.remedy = "put them into MINIO_ROOT_USER and MINIO_ROOT_PASSWORD"


def keys_file(project: Project, settings: StoreSettings) -> Path:
    """Return where the secrets of new users are written unless told otherwise."""
    name = settings.netloc.replace(":", "_").replace("[", "").replace("]", "")
    return project.store_data / "roles" / f"{name}-{settings.bucket}.json"


def prepare(settings: StoreSettings, keys: Path, *, expire_days: int = EXPIRE_DAYS) -> Prepared:
    """Make the bucket of `settings` fit for use; a second call changes nothing.

    `keys` is the file that the secrets of new users are written to. Raises a `StoreFailure`,
    `KeysFileBroken` and OSError.
    """
    changes: list[str] = []
    # Asked first: whether the bucket exists is asked without a body, which hides why it is refused.
    with suppress(BucketMissing):
        check_keys(settings)
    speaker = client(settings)
    with asking(settings, doing=f"set up bucket {settings.bucket}"):
        if not speaker.bucket_exists(settings.bucket):
            speaker.make_bucket(settings.bucket, location=settings.region)
            changes.append("bucket created")
        if _keep_versions(settings, speaker):
            changes.append("versioning switched on")
        if _expire(settings, speaker, expire_days):
            changes.append(
                f"old versions expire after {expire_days} days, unfinished uploads after {UPLOAD_DAYS}"
            )
        if _close(settings, speaker):
            changes.append("anonymous access withdrawn")
    roles = ensure_roles(settings, keys)
    changes += [f"policy {name} written" for name in roles.policies_written]
    changes += [f"user {name} created" for name in roles.created]
    return Prepared(settings.endpoint, settings.bucket, tuple(changes), roles)


def _keep_versions(settings: StoreSettings, speaker: Any) -> bool:
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    if speaker.get_bucket_versioning(settings.bucket).status == ENABLED:
        return False
    speaker.set_bucket_versioning(settings.bucket, VersioningConfig(ENABLED))
    if speaker.get_bucket_versioning(settings.bucket).status != ENABLED:
        raise BucketUnfit(settings, "versioning")
    return True


def _expire(settings: StoreSettings, speaker: Any, days: int) -> bool:
    from minio.commonconfig import ENABLED, Filter
    from minio.lifecycleconfig import (
        AbortIncompleteMultipartUpload,
        Expiration,
        LifecycleConfig,
        NoncurrentVersionExpiration,
        Rule,
    )

    present = speaker.get_bucket_lifecycle(settings.bucket)
    rules = list(present.rules) if present else []
    if any(_expires(rule, days) for rule in rules):
        return False
    ours = Rule(
        ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id=RULE,
        noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=days),
        # MinIO leaves this out of its answer: it drops unfinished uploads on its own, after a day.
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=UPLOAD_DAYS),
        # The mark of a deletion goes when the last version behind it has gone.
        expiration=Expiration(expired_object_delete_marker=True),
    )
    others = [rule for rule in rules if rule.rule_id != RULE]
    speaker.set_bucket_lifecycle(settings.bucket, LifecycleConfig([*others, ours]))
    again = speaker.get_bucket_lifecycle(settings.bucket)
    if again is None or not any(_expires(rule, days) for rule in again.rules):
        raise BucketUnfit(settings, "lifecycle rules")
    return True


def _expires(rule: Any, days: int) -> bool:
    """Whether `rule` is ours and says `days`."""
    expiry, uploads = rule.noncurrent_version_expiration, rule.abort_incomplete_multipart_upload
    return (
        rule.rule_id == RULE
        and rule.status == "Enabled"
        and expiry is not None
        and expiry.noncurrent_days == days
        and (uploads is None or uploads.days_after_initiation == UPLOAD_DAYS)
    )


def _close(settings: StoreSettings, speaker: Any) -> bool:
    """Take from the bucket's policy whatever it grants to everybody; return whether it granted anything."""
    from minio.error import S3Error

    try:
        document = json.loads(speaker.get_bucket_policy(settings.bucket))
    except S3Error as error:
        if error.code == "NoSuchBucketPolicy":
            return False
        raise
    statements = document.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    kept = [statement for statement in statements if not grants_everybody(statement)]
    if len(kept) == len(statements):
        return False
    if kept:
        speaker.set_bucket_policy(settings.bucket, json.dumps({**document, "Statement": kept}))
    else:
        speaker.delete_bucket_policy(settings.bucket)
    return True


def grants_everybody(statement: Mapping[str, Any]) -> bool:
    """Whether a policy statement allows something to callers without keys."""
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return statement.get("Effect") == "Allow" and "*" in ([named] if isinstance(named, str) else named or [])
