"""How the store is: each thing that can be wrong with it told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from restoration_models.store.client import (
    BucketMissing,
    NotAllowed,
    StoreFailure,
    StoreUnreachable,
    WrongKeys,
    asking,
    client,
    pool,
    reason_of,
)
from restoration_models.store.objects import listing
from restoration_models.store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at the store found; None for what could not be found out."""

    endpoint: str
    bucket: str
    server: str | None = None
    """What the server calls itself: "MinIO", "SeaweedFS …"."""
    reachable: bool = False
    keys: bool | None = None
    """Whether it knows this clone's keys."""
    bucket_exists: bool | None = None
    may_list: bool | None = None
    """Whether these keys may list DVC's objects (a service may not)."""
    versioning: str | None = None
    """"Enabled", "Suspended", "Off", or None where these keys may not see it."""
    objects: int | None = None
    bytes: int | None = None
    problem: StoreFailure | None = None
    """Why the store is not usable, None where it is."""


def look(settings: StoreSettings, *, count: bool = False) -> Health:
    """Ask the store how it is, in at most a few requests; with `count`, list DVC's objects too.

    Raises nothing for a store that is down, that refuses the keys or that lacks the bucket:
    that is the answer.
    """
    health = Health(settings.endpoint, settings.bucket)
    try:
        health = replace(health, server=server_name(settings), reachable=True)
        health = replace(health, **_first_page(settings))
        health = replace(health, versioning=_versioning(settings))
        if count and health.may_list:
            sizes = listing(settings)
            health = replace(health, objects=len(sizes), bytes=sum(sizes.values()))
    except WrongKeys as failure:
        return replace(health, keys=False, problem=failure)
    except BucketMissing as failure:
        return replace(health, keys=True, bucket_exists=False, problem=failure)
    except StoreFailure as failure:
        return replace(health, problem=failure)
    return health


def check_keys(settings: StoreSettings) -> None:
    """Have the server accept the keys of `settings`.

    A role that may not list passes: its keys are known. Raises a `StoreFailure`.
    """
    server_name(settings)
    _first_page(settings)


def server_name(settings: StoreSettings) -> str | None:
    """Return what the server calls itself; needs no keys. Raises `StoreUnreachable`."""
    from urllib3.exceptions import HTTPError

    try:
        answer = pool(settings, retries=0, read_seconds=10).request("GET", f"{settings.endpoint}/")
    except HTTPError as error:
        raise StoreUnreachable(settings, reason_of(error)) from error
    name = answer.headers.get("Server")
    return " ".join(name.split()) if name else None


def _first_page(settings: StoreSettings) -> dict[str, Any]:
    speaker = client(settings, retries=1)
    try:
        with asking(settings, doing="list"):
            folder = f"{settings.prefix}/" if settings.prefix else ""
            next(iter(speaker.list_objects(settings.bucket, prefix=folder)), None)
    except NotAllowed:
        return {"keys": True, "may_list": False}
    return {"keys": True, "may_list": True, "bucket_exists": True}


def _versioning(settings: StoreSettings) -> str | None:
    try:
        with asking(settings, doing="see the versioning"):
            status = client(settings, retries=1).get_bucket_versioning(settings.bucket).status
    except NotAllowed:
        return None
    return str(status) if status else "Off"
