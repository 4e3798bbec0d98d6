"""Which network a state dict is of, and the network with the weights in it.

One registry for all: spandrel's, spandrel's extra one (Restormer) and our own (UVDoc).
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from restoration_models.architectures.runtime import require_torch, without_random_start
from restoration_models.errors import ModelProblem
from restoration_models.scan import plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from spandrel import ArchRegistry, ArchSupport

PARALLEL_PREFIX = "module."
"""Before every key where the training ran on several devices."""

SHOWN = 3
"""Names quoted in a message, of perhaps hundreds."""

_STUMBLES = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError)
"""What reading sizes off unsuitable tensors ends in."""


class Network(Protocol):
    """A loaded network: the part of spandrel's image descriptor that this project uses."""

    model: torch.nn.Module
    input_channels: int
    output_channels: int
    scale: int
    size_requirements: Any
    """Has `multiple_of`: height and width are padded to a multiple of it, and cropped back."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """Map (1, input_channels, H, W) in 0..1 to (1, output_channels, H, W) in 0..1."""


class UnknownArchitecture(ModelProblem):
    """No architecture of the registry has these keys."""

    def __init__(self, keys: Mapping[str, object]) -> None:
        names = sorted(keys)
        super().__init__(
            f"no known architecture has these {len(names)} keys ({_some(names)})",
            remedy="declare 'architecture: unregistered' to prove all but the network, or register it",
        )


class WrongArchitecture(ModelProblem):
    """The weights are another network's than declared."""

    def __init__(self, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found
        super().__init__(
            f"the weights are of architecture {found}, the catalogue declares {expected}",
            remedy=f"correct the entry's architecture to {found}, or its sources",
        )


class MismatchedTensors(ModelProblem):
    """The keys name an architecture but its network does not take the tensors."""

    def __init__(self, architecture: str, differences: str) -> None:
        self.architecture = architecture
        super().__init__(
            f"a strict load into {architecture} fails: {differences}",
            remedy="the file is incomplete or a variant that this architecture does not cover",
        )


class NotAnImageNetwork(ModelProblem):
    """An architecture that takes more than an image, such as a mask."""

    def __init__(self, architecture: str) -> None:
        super().__init__(
            f"{architecture} does not map an image to an image",
            remedy="declare 'architecture: unregistered' to prove all but the network",
        )


OWN = ("uvdoc",)
"""Modules of this package that each define a network which spandrel lacks, as `ARCHITECTURE`."""


@lru_cache(maxsize=1)
def registry() -> ArchRegistry:
    """Return our registry; spandrel's own is left as it was.

    Raises `TorchMissing` where the extra is not installed.
    """
    require_torch()
    from spandrel import MAIN_REGISTRY, ArchSupport
    from spandrel_extra_arches import EXTRA_REGISTRY

    ours = MAIN_REGISTRY.copy()
    # Something else in this process may have installed the extra ones in the main registry.
    ours.add(*EXTRA_REGISTRY, ignore_duplicates=True)
    for name in OWN:
        module = import_module(f"restoration_models.architectures.{name}")
        ours.add(ArchSupport.from_architecture(module.ARCHITECTURE), ignore_duplicates=True)
    return ours


def supported() -> tuple[str, ...]:
    """Return the identifiers that a catalogue may declare, sorted."""
    return tuple(sorted(str(entry.architecture.id) for entry in registry()))


def split_prefix(state_dict: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the prefix that parallel training put before every key ('' for none), and the rest."""
    if state_dict and all(key.startswith(PARALLEL_PREFIX) for key in state_dict):
        cut = len(PARALLEL_PREFIX)
        return PARALLEL_PREFIX, {key[cut:]: value for key, value in state_dict.items()}
    return "", dict(state_dict)


def recognise(state_dict: Mapping[str, Any]) -> str:
    """Return the identifier of the architecture whose keys `state_dict` has.

    Never misses a registered architecture; a state dict made up to look like one may pass
    here and fails the strict load. Raises `UnknownArchitecture`.
    """
    return str(_find(split_prefix(state_dict)[1]).architecture.id)


def load(state_dict: Mapping[str, Any], *, expected: str | None = None) -> Network:
    """Return the network with the weights in it, in evaluation mode on the CPU.

    The load is strict: every tensor of the network comes from `state_dict` and none is left
    over. Raises `UnknownArchitecture`, `WrongArchitecture` (where `expected` names another),
    `MismatchedTensors`, `NotAnImageNetwork`.
    """
    _, plain = split_prefix(state_dict)
    found = _find(plain).architecture
    if expected is not None and found.id != expected:
        raise WrongArchitecture(expected, str(found.id))
    from spandrel import ImageModelDescriptor

    try:
        with without_random_start():
            descriptor = found.load(plain)
    except RuntimeError as error:
        raise MismatchedTensors(str(found.id), _differences(str(error))) from error
    except _STUMBLES as error:
        reason = f"its size cannot be read off the tensors ({type(error).__name__}: {plain_name(str(error))})"
        raise MismatchedTensors(str(found.id), reason) from error
    if not isinstance(descriptor, ImageModelDescriptor):
        raise NotAnImageNetwork(str(found.id))
    network: Network = descriptor.eval()
    return network


def _find(state_dict: Mapping[str, Any]) -> ArchSupport:
    plain = dict(state_dict)
    for entry in registry().architectures("detection"):
        try:
            if entry.detect(plain):
                return entry
        except _STUMBLES:
            # A detector that looks at shapes stumbled over another network's keys.
            continue
    raise UnknownArchitecture(plain)


def _some(names: list[str]) -> str:
    """The first few names, each shortened, for the file chose them."""
    rest = len(names) - SHOWN
    return ", ".join(map(plain_name, names[:SHOWN])) + (f" and {rest} more" if rest > 0 else "")


def _differences(text: str) -> str:
    """Shorten torch's account of a failed strict load to one line."""
    parts = []
    for label, pattern in (
        ("missing", r"Missing key\(s\) in state_dict: (.*?)\. *(?:\n|$)"),
        ("unexpected", r"Unexpected key\(s\) in state_dict: (.*?)\. *(?:\n|$)"),
    ):
        if match := re.search(pattern, text):
            names = re.findall(r'"([^"]+)"', match[1])
            parts.append(f"{len(names)} {label} ({_some(names)})")
    shapes = re.findall(
        r"size mismatch for (\S+): copying a param with shape torch\.Size\(\[(.*?)\]\) from checkpoint, "
        r"the shape in current model is torch\.Size\(\[(.*?)\]\)",
        text,
    )
    if shapes:
        some = [f"{plain_name(name)} is ({found}) for ({wanted})" for name, found, wanted in shapes[:SHOWN]]
        rest = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
        parts.append(f"{len(shapes)} of another shape ({', '.join(some)}{rest})")
    return ", ".join(parts) or plain_name(text.splitlines()[0])
