"""The store: the S3 bucket that holds the weights.

Reading it (`settings`, `client`, `listing`, `stored`) is here; the embedded server is
in `store.embedded`, a bucket's set-up in `store.setup`, a clone's keys in `store.login`, and
`store.health` says how the store is. Importing this package imports no S3 client yet.
"""

from restoration_models.store.client import (
    BucketMissing,
    NoKeys,
    NotAllowed,
    ObjectMissing,
    StoreFailure,
    StoreTrouble,
    StoreUnreachable,
    WrongKeys,
    WrongRegion,
    asking,
    client,
)
from restoration_models.store.objects import NotAnMd5, listing, object_name
from restoration_models.store.settings import (
    BadBucket,
    BadEndpoint,
    StoreNotConfigured,
    StoreSettings,
    settings,
)
from restoration_models.store.source import StoredObject, source_of, stored

__all__ = [
    "BadBucket",
    "BadEndpoint",
    "BucketMissing",
    "NoKeys",
    "NotAllowed",
    "NotAnMd5",
    "ObjectMissing",
    "StoreFailure",
    "StoreNotConfigured",
    "StoreSettings",
    "StoreTrouble",
    "StoreUnreachable",
    "StoredObject",
    "WrongKeys",
    "WrongRegion",
    "asking",
    "client",
    "listing",
    "object_name",
    "settings",
    "source_of",
    "stored",
]
