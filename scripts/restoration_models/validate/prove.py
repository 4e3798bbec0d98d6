"""Proves a checkpoint: its bytes, what loading it would do, its tensors, its network, a forward pass.

Nothing is written here. A validation either returns an `Outcome`, of which everything is
proved that its report says, or raises the first thing found wrong.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoration_models.checkpoint import WrongSize, opened, unwrap
from restoration_models.errors import RestorationModelsError
from restoration_models.files import write_bytes
from restoration_models.fingerprint import fingerprint, type_name
from restoration_models.report import Report, Scan, Verified
from restoration_models.validate.problems import GainTooLow, NotFinite, WrongChannels, WrongCount

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    import torch

    from restoration_models.architectures.registry import Network
    from restoration_models.catalogue import Expects, Model
    from restoration_models.checkpoint import Checkpoint, Digests
    from restoration_models.scan import ScanReport
    from restoration_models.tasks import Task

UNREGISTERED = "unregistered"
"""Declared architecture of weights whose network this project does not have."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a passed validation leaves behind."""

    report: Report
    picture: bytes
    """PNG for people: input, output and truth side by side."""

    def write(self, *, report: Path, picture: Path) -> None:
        """Write both files, each whole or not at all; the report, which is the proof, last."""
        write_bytes(picture, self.picture)
        self.report.write(report)


def validate(
    model: Model, path: Path, *, protocol: int, task: Task | None = None, expects: Expects | None = None
) -> Outcome:
    """Prove that `path` is `model`'s checkpoint and that it does something.

    `task` and `expects` stand in for the entry's own (the pipeline passes them on its command
    line). Raises a `RestorationModelsError` whose `where` names the model or the file.
    """
    try:
        return _validate(model, path, protocol, task or model.task, expects or model.expects)
    except RestorationModelsError as error:
        error.where = error.where or model.slug
        raise


def _validate(model: Model, path: Path, protocol: int, task: Task, expects: Expects) -> Outcome:
    registered = expects.architecture != UNREGISTERED
    # The file is closed first: whatever ends this, hashing ends with the block that it is at.
    with ThreadPoolExecutor(2, "validate") as pool, opened(path) as checkpoint:
        scanned, digests, content = _admit(checkpoint, model, expects, pool)
        tensors = unwrap(content, expects.wrapper_key)
        _check_count("tensors", model.tensors, len(tensors))
        _check_finite(tensors)
        # Hashing takes no Python lock, so it runs beside the construction and the forward pass.
        print_ = pool.submit(fingerprint, tensors)
        network = None
        prefix = ""
        if registered:
            network, prefix = _build(tensors, model, expects)
        from restoration_models.validate.trial import try_out

        trial = try_out(network, task)
        report = Report(
            model=model.slug,
            protocol=protocol,
            task=task,
            file=model.file,
            size=checkpoint.size,
            sha256=digests.sha256,
            md5=digests.md5,
            scan=Scan(
                container=str(scanned.container), globals=tuple(scanned.globals), members=scanned.members
            ),
            wrapper_key=expects.wrapper_key,
            key_prefix=prefix or None,
            architecture=expects.architecture,
            verified=Verified(
                digests=True, scan=True, finite=True, architecture=registered, forward=registered
            ),
            tensors=len(tensors),
            dtypes=_count_types(tensors),
            **_contract(network),
            fingerprint=print_.result(),
            measured=trial.measured,
            not_measured=trial.reason,
        )
    if trial.measured and expects.min_gain_db is not None and trial.measured.gain_db < expects.min_gain_db:
        raise GainTooLow(trial.measured.gain_db, expects.min_gain_db)
    return Outcome(report, trial.picture)


def _admit(
    checkpoint: Checkpoint, model: Model, expects: Expects, pool: ThreadPoolExecutor
) -> tuple[ScanReport, Digests, Any]:
    """Let the bytes in: size, digests, scan, then the load. No step starts before the former passed.

    The digests are taken in another thread while this one scans and imports torch.
    """
    if checkpoint.size != model.size:
        raise WrongSize(checkpoint.path, model.size, checkpoint.size)
    hashing: Future[Digests] = pool.submit(checkpoint.digests)
    try:
        scanned = checkpoint.scan(expects.allow_globals)
        from restoration_models.architectures import registry, require_torch

        if expects.architecture == UNREGISTERED:
            require_torch(networks=False)
        else:
            registry()
    except RestorationModelsError:
        # That it is another file than the declared one is the better answer, whatever it holds.
        checkpoint.verify(hashing.result(), sha256=model.sha256, md5=model.md5)
        raise
    digests = hashing.result()
    checkpoint.verify(digests, sha256=model.sha256, md5=model.md5)
    return scanned, digests, checkpoint.load(scanned, expects.allow_globals)


def _check_count(what: str, expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise WrongCount(what, expected, found)


def _check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    bad = [name for name in sorted(tensors) if not _is_finite(tensors[name])]
    if bad:
        raise NotFinite(bad[0], len(bad) - 1)


def _is_finite(tensor: torch.Tensor) -> bool:
    """Whether no element is NaN or infinite."""
    import torch

    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.numel() == 0:
        return True
    if tensor.element_size() < torch.float16.itemsize:
        # 8-bit floats know no arithmetic.
        tensor = tensor.float()
    # A sum in double precision cannot overflow on what is stored in less, and one NaN or
    # infinity makes it one: a third of the time of looking at each element, without a copy.
    if not tensor.is_complex() and math.isfinite(tensor.sum(dtype=torch.float64).item()):
        return True
    return bool(torch.isfinite(tensor).all())


def _build(tensors: Mapping[str, torch.Tensor], model: Model, expects: Expects) -> tuple[Network, str]:
    from restoration_models import architectures

    prefix, _ = architectures.split_prefix(tensors)
    network = architectures.load(tensors, expected=expects.architecture)
    if expects.input_channels is not None and expects.input_channels != network.input_channels:
        raise WrongChannels(expects.input_channels, network.input_channels)
    _check_count("parameters", model.parameters, _count_parameters(network))
    return network, prefix


def _count_parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.model.parameters())


def _count_types(tensors: Mapping[str, torch.Tensor]) -> dict[str, int]:
    names = [type_name(tensor.dtype) for tensor in tensors.values()]
    return {name: names.count(name) for name in sorted(set(names))}


def _contract(network: Network | None) -> dict[str, int]:
    if network is None:
        return {}
    return {
        "parameters": _count_parameters(network),
        "input_channels": network.input_channels,
        "output_channels": network.output_channels,
        "scale": network.scale,
        "size_multiple": network.size_requirements.multiple_of,
    }
