"""Prove a checkpoint and measure what its model does; importing this package imports no torch."""

from restoration_models.validate.problems import (
    BadOutput,
    GainTooLow,
    NotFinite,
    WrongChannels,
    WrongCount,
    WrongTaskChannels,
)
from restoration_models.validate.prove import UNREGISTERED, Outcome, validate

__all__ = [
    "UNREGISTERED",
    "BadOutput",
    "GainTooLow",
    "NotFinite",
    "Outcome",
    "WrongChannels",
    "WrongCount",
    "WrongTaskChannels",
    "validate",
]
