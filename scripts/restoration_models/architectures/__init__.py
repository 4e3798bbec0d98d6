"""Recognise, build and load networks; importing this package imports no torch."""

from restoration_models.architectures.registry import (
    MismatchedTensors,
    NotAnImageNetwork,
    UnknownArchitecture,
    WrongArchitecture,
    load,
    recognise,
    registry,
    split_prefix,
    supported,
)
from restoration_models.architectures.runtime import TorchMissing, require_torch

__all__ = [
    "MismatchedTensors",
    "NotAnImageNetwork",
    "TorchMissing",
    "UnknownArchitecture",
    "WrongArchitecture",
    "load",
    "recognise",
    "registry",
    "require_torch",
    "split_prefix",
    "supported",
]
