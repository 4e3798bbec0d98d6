"""The catalogue: what the params files say about every model."""

from restoration_models.catalogue.loader import (
    Catalogue,
    LoadedLayer,
    UnknownLayer,
    UnknownModel,
    examine,
    load,
    published_name,
)
from restoration_models.catalogue.schema import (
    Entry,
    Expects,
    Family,
    Head,
    Layer,
    Licence,
    Metric,
    Model,
    Paper,
    Translated,
    Words,
    say,
)

__all__ = [
    "Catalogue",
    "Entry",
    "Expects",
    "Family",
    "Head",
    "Layer",
    "Licence",
    "LoadedLayer",
    "Metric",
    "Model",
    "Paper",
    "Translated",
    "UnknownLayer",
    "UnknownModel",
    "Words",
    "examine",
    "load",
    "published_name",
    "say",
]
