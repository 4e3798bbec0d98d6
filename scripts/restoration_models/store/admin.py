"""MinIO's administration: what `store.roles` and `store.rotate` ask of it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from restoration_models.store.client import NoKeys, admin_answer, asking, pool
from restoration_models.store.settings import StoreSettings


def admin(settings: StoreSettings) -> Any:
    """Return a `minio.MinioAdmin` with the keys of `settings`; nothing is sent yet. Raises `NoKeys`."""
    from minio.credentials.providers import StaticProvider
    from minio.minioadmin import MinioAdmin

    if not (settings.access_key and settings.secret_key):
        raise NoKeys(settings)
    return MinioAdmin(
        endpoint=settings.netloc,
        credentials=StaticProvider(settings.access_key, settings.secret_key, settings.session_token),
        region=settings.region,
        secure=settings.secure,
        http_client=pool(settings),
    )


def has_admin_api(settings: StoreSettings, admin: Any) -> bool:
    """Whether the server has MinIO's admin API. Raises a `StoreFailure`, also for keys that may not ask."""
    from minio.error import MinioAdminException

    with asking(settings, doing="set up roles: that takes the server's administrator"):
        try:
            admin.policy_list()
        except MinioAdminException as error:
            # To another server the call looks like an object of a bucket that is not there.
            if admin_answer(error)[0] in ("NoSuchBucket", "NoSuchKey", "MethodNotAllowed", "NotImplemented"):
                return False
            raise
    return True


def user(settings: StoreSettings, admin: Any, name: str) -> dict[str, Any] | None:
    """What the server says of the user `name`, None where it knows none. Raises a `StoreFailure`."""
    from minio.error import MinioAdminException

    with asking(settings, doing="look at users"):
        try:
            found: dict[str, Any] = json.loads(admin.user_info(name))
        except MinioAdminException as error:
            if admin_answer(error)[0] == "XMinioAdminNoSuchUser":
                return None
            raise
    return found


def withdraw_derived(settings: StoreSettings, admin: Any, name: str) -> int:
    """Withdraw every key that was made from the user `name`'s; return how many lasting ones there were.

    Such keys (service accounts, temporary ones of the STS) go on working when the user's own
    secret changes. Raises a `StoreFailure`.
    """
    with asking(settings, doing="withdraw the keys of users"):
        accounts = json.loads(admin.list_service_account(name)).get("accounts") or []
        for account in accounts:
            admin.delete_service_account(account["accessKey"])
        # The client has no call of its own for this one.
        admin._url_open(
            method="POST",
            command=SimpleNamespace(value="revoke-tokens/builtin"),
            query_params={"user": name, "fullRevoke": "true"},
        )
    return len(accounts)
