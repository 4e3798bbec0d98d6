"""What an unknown checkpoint is, found out from the file alone.

The scan comes first; nothing of a file that it refuses is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoration_models import architectures, checkpoint
from restoration_models.architectures.registry import PARALLEL_PREFIX
from restoration_models.catalogue.rules import UNREGISTERED
from restoration_models.errors import ModelProblem
from restoration_models.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch


class SeveralStateDicts(ModelProblem):
    """The file holds more than one set of weights."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(
            f"the file holds several sets of weights, under {checkpoint.quoted(keys)}",
            remedy="say which is meant with --wrapper-key (what is trained with an average is mostly used "
            "with it: params_ema)",
        )


class UnknownNetwork(ModelProblem):
    """No architecture of the registry has the file's keys."""

    def __init__(self, cause: architectures.UnknownArchitecture) -> None:
        super().__init__(
            cause.what,
            remedy="give --architecture unregistered to add it with its network unproved, or register the "
            "network (README, 'Add an architecture')",
        )


@dataclass(frozen=True, slots=True)
class Recognised:
    """A checkpoint that passed the scan, and what is in it."""

    size: int
    """Bytes."""
    sha256: str
    md5: str
    container: str
    wrapper_key: str | None
    """Key of the file's top-level dict under which the state dict lies."""
    architecture: str
    """The registry's identifier; or ``unregistered``."""
    input_channels: int | None
    parameters: int | None
    """Learnable ones; None where the architecture is unregistered, as for the channels."""
    tensors: int
    fingerprint: str
    twins: frozenset[str]
    """Fingerprints of the same weights: as they are, and with and without the prefix of parallel training."""


def recognise(
    path: Path,
    *,
    wrapper_key: str | None = None,
    allow_globals: Sequence[str] = (),
    registered: bool = True,
) -> Recognised:
    """Scan the file at `path`, load it, and say what it is.

    `wrapper_key` chooses among several sets of weights. Without `registered` the network is
    not asked for. Raises what scan and load raise (`UnsafeCheckpoint`, `UnreadableCheckpoint`,
    `CheckpointMissing`, `TorchMissing` …), `SeveralStateDicts`, `NotAStateDict`, `UnknownNetwork`,
    `MismatchedTensors`.
    """
    architectures.require_torch()
    with checkpoint.opened(path) as file:
        scanned = file.scan(allow_globals)
        digests = file.digests()
        content = file.load(scanned, allow_globals)
        key = _wrapper(content) if wrapper_key is None else wrapper_key
        tensors = checkpoint.unwrap(content, key)
        network = _network(tensors) if registered else None
        own = fingerprint(tensors)
        return Recognised(
            size=file.size,
            sha256=digests.sha256,
            md5=digests.md5,
            container=str(scanned.container),
            wrapper_key=key,
            architecture=network[0] if network else UNREGISTERED,
            input_channels=network[1] if network else None,
            parameters=network[2] if network else None,
            tensors=len(tensors),
            fingerprint=own,
            twins=frozenset({own, fingerprint(_otherwise_prefixed(tensors))}),
        )


def _wrapper(content: Any) -> str | None:
    """The key under which the only state dict lies; None where the tensors are at the top."""
    if not isinstance(content, dict):
        return None
    found = [str(key) for key, value in content.items() if _is_state_dict(value)]
    if len(found) > 1:
        raise SeveralStateDicts(found)
    return found[0] if found else None


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(name, str) and hasattr(one, "untyped_storage") for name, one in value.items())
    )


def _network(tensors: Mapping[str, torch.Tensor]) -> tuple[str, int, int]:
    """Identifier, input channels and learnable parameters of the network."""
    try:
        name = architectures.recognise(tensors)
    except architectures.UnknownArchitecture as error:
        raise UnknownNetwork(error) from error
    network = architectures.load(tensors)
    return name, network.input_channels, sum(one.numel() for one in network.model.parameters())


def _otherwise_prefixed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights without the prefix of parallel training, or with it where they have none."""
    prefix, plain = architectures.split_prefix(tensors)
    return plain if prefix else {PARALLEL_PREFIX + name: tensor for name, tensor in plain.items()}
