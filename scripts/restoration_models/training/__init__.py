"""Using a model: loaded and proved in one call, and prepared for fine-tuning.

Importing this package imports no torch; `load` and `param_groups` do when they are called.
"""

from restoration_models.training.cache import cache_folder
from restoration_models.training.groups import (
    BadRate,
    HeadMatchesAll,
    HeadMatchesNothing,
    NoHead,
    freeze,
    param_groups,
    unfreeze,
)
from restoration_models.training.loading import NoCheckout, OneOrigin, load
from restoration_models.training.model import DeviceMissing, LoadedModel, best_device
from restoration_models.training.published import (
    ManifestMissing,
    ManifestUnreachable,
    NotAManifestAddress,
    NotInManifest,
)
from restoration_models.training.repository import NotInRepository, RepositoryFailed
from restoration_models.training.wanted import Unregistered, Wanted, Withdrawn, WrongInput

__all__ = [
    "BadRate",
    "DeviceMissing",
    "HeadMatchesAll",
    "HeadMatchesNothing",
    "LoadedModel",
    "ManifestMissing",
    "ManifestUnreachable",
    "NoCheckout",
    "NoHead",
    "NotAManifestAddress",
    "NotInManifest",
    "NotInRepository",
    "OneOrigin",
    "RepositoryFailed",
    "Unregistered",
    "Wanted",
    "Withdrawn",
    "WrongInput",
    "best_device",
    "cache_folder",
    "freeze",
    "load",
    "param_groups",
    "unfreeze",
]
