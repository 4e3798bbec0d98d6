"""An object of the store as a source: fetched by the transfer engine over an address that is signed for it.

So what comes from the store is resumed, checked and retried as what comes from a mirror is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from restoration_models.sources import WebSource
from restoration_models.store.client import LOOPBACK, asking, client
from restoration_models.store.objects import object_name
from restoration_models.store.settings import StoreSettings

SIGNED_FOR = timedelta(days=1)
"""How long the address is good for: longer than any transfer."""


@dataclass(frozen=True, slots=True)
class StoredObject(WebSource):
    """An object, or one version of it. Its `address` names it and is in no request."""

    kind: ClassVar[str] = "store"

    signed: str = field(repr=False, compare=False)
    """What is asked for. Whoever has it may read the object for a day: it is never shown."""
    authorities: bool | str = field(default=True, compare=False)

    @property
    def url(self) -> str:
        """The signed address."""
        return self.signed

    @property
    def label(self) -> str:
        """What messages call it."""
        return "the store"

    @property
    def trust(self) -> bool | str:
        """Against whose authorities TLS is checked."""
        return self.authorities

    @property
    def direct(self) -> bool:
        """A store on this machine is not asked through a proxy."""
        return self.host in LOOPBACK


def stored(settings: StoreSettings, md5: str) -> StoredObject:
    """Return the object that DVC keeps the file of this `md5` in. Raises as `source_of`, and `NotAnMd5`."""
    return source_of(settings, object_name(settings, md5))


def source_of(settings: StoreSettings, name: str, version_id: str | None = None) -> StoredObject:
    """Return the object `name` of the bucket, or a version of it, once the store has shown that it has it.

    Raises a `StoreFailure` (`StoreUnreachable`, `WrongKeys`, `BucketMissing`, `ObjectMissing`…).
    """
    speaker = client(settings, retries=1)
    with asking(settings, doing=f"read {name}", name=name):
        # Asked for a byte, because an answer to HEAD has no body that says what is wrong.
        answer = speaker.get_object(settings.bucket, name, offset=0, length=1, version_id=version_id)
        answer.close()
        answer.release_conn()
        signed = speaker.presigned_get_object(
            settings.bucket, name, expires=SIGNED_FOR, version_id=version_id
        )
    return StoredObject(
        address=f"s3://{settings.bucket}/{name}",
        host=(urlsplit(signed).hostname or "").lower(),
        signed=signed,
        authorities=_authorities(settings),
    )


def _authorities(settings: StoreSettings) -> bool | str:
    if settings.verify is True:
        return os.environ.get("SSL_CERT_FILE") or True
    return settings.verify
