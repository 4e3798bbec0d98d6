"""The store: the S3 bucket that holds the weights.

Reading it (`settings`, `client`, `listing`, `fetch_object`) is here; the embedded server is
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
from restoration_models.store.objects import NotAnMd5, ObjectCorrupt, fetch_object, listing, object_name
from restoration_models.store.settings import (
    BadBucket,
    BadEndpoint,
    StoreNotConfigured,
    StoreSettings,
    settings,
)

__all__ = [
    "BadBucket",
    "BadEndpoint",
    "BucketMissing",
    "NoKeys",
    "NotAllowed",
    "NotAnMd5",
    "ObjectCorrupt",
    "ObjectMissing",
    "StoreFailure",
    "StoreNotConfigured",
    "StoreSettings",
    "StoreTrouble",
    "StoreUnreachable",
    "WrongKeys",
    "WrongRegion",
    "asking",
    "client",
    "fetch_object",
    "listing",
    "object_name",
    "settings",
]
