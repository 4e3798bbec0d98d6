"""What loading needs to know of a model, wherever it was told; and the steps from bytes to a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_models.checkpoint import Checkpoint, WrongDigest, WrongSize, opened, unwrap
from restoration_models.download.events import Reporter
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.scan import CheckpointChanged

if TYPE_CHECKING:
    from restoration_models.architectures.registry import Network
    from restoration_models.catalogue import Catalogue, Model

UNREGISTERED = "unregistered"
BLOCK = 1 << 22
TRIES = 3
"""Of reading a file that is touched while it is read."""


class Withdrawn(ModelProblem):
    """The model must no longer be used."""

    def __init__(self, slug: str, reason: str) -> None:
        super().__init__(f"withdrawn: {reason}", where=slug, remedy="choose another model")


class Unregistered(ModelProblem):
    """No network can be built: the project does not know the architecture."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            "its architecture is unregistered, so no network can be built",
            where=slug,
            remedy="build your own and read the state dict as the model's card shows",
        )


class WrongInput(ModelProblem):
    """The network takes another number of channels than declared."""

    def __init__(self, slug: str, expected: int, found: int) -> None:
        super().__init__(
            f"the network takes {found} channels, {expected} are declared",
            where=slug,
            remedy="correct input-channels, or the file",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A model as its catalogue or its manifest describes it."""

    slug: str
    sha256: str
    size: int
    """Bytes."""
    md5: str | None
    file: str
    """The checkpoint's own name."""
    task: str
    family: str
    architecture: str
    wrapper_key: str | None
    input_channels: int | None
    allow_globals: tuple[str, ...]
    head: tuple[str, ...]
    """Patterns of the parameters that fine-tuning trains at full rate; empty where nobody says."""
    licence: str
    """SPDX identifier."""
    commit: str | None
    """Of the catalogue; ``-dirty`` behind it where the catalogue has changes that are not committed."""
    origin: str
    """Where the description came from, for a log."""

    @classmethod
    def of_catalogue(
        cls, catalogue: Catalogue, model: Model, *, md5: str | None, commit: str | None, origin: str
    ) -> Wanted:
        """The catalogue's `model`; `md5` as locked."""
        expects = model.expects
        return cls(
            slug=model.slug,
            sha256=model.sha256,
            size=model.size,
            md5=md5,
            file=model.file,
            task=str(model.task),
            family=model.family,
            architecture=expects.architecture,
            wrapper_key=expects.wrapper_key,
            input_channels=expects.input_channels,
            allow_globals=expects.allow_globals,
            head=catalogue.family(model).head,
            licence=catalogue.licence(model).spdx,
            commit=commit,
            origin=origin,
        )


@dataclass(frozen=True, slots=True)
class Located:
    """A model that is wanted and where its bytes are."""

    wanted: Wanted
    here: tuple[Path, ...]
    """Files that may be it, best first. None of them is ever written to."""
    bring: Callable[[Reporter], Path]
    """Fetches the file, proves it and returns its path."""


def build(located: Located, *, verify: bool, report: Reporter) -> tuple[Path, Network]:
    """Return the checkpoint's path and the network with its weights, on the CPU, in evaluation mode.

    A file that is here and has another digest is left alone, and the right one is fetched.
    With `verify` false, a file of the right size that is here already counts as the right one.
    Raises what the fetching raises, and `RestorationModelsError` for a file that does not load.
    """
    wanted = located.wanted
    if wanted.architecture == UNREGISTERED:
        raise Unregistered(wanted.slug)
    for path in located.here:
        if not _may_be(path, wanted.size):
            continue
        try:
            return path, read(path, wanted, verify=verify)
        except (WrongDigest, WrongSize):
            continue
    path = located.bring(report)
    return path, read(path, wanted, verify=verify)


def read(path: Path, wanted: Wanted, *, verify: bool = True) -> Network:
    """Return the network of the checkpoint at `path`.

    Digest, scan and load go through one opening of the file: what was proved is what is loaded.
    Where the file was touched meanwhile (DVC links one file into several places), all of it is
    done again. Raises `WrongSize`, `WrongDigest`, `CheckpointChanged`, and what scan, unwrapping
    and a strict load raise.
    """
    for _ in range(TRIES - 1):
        with suppress(CheckpointChanged):
            return _read(path, wanted, verify=verify)
    return _read(path, wanted, verify=verify)


def _read(path: Path, wanted: Wanted, *, verify: bool) -> Network:
    from restoration_models import architectures

    try:
        architectures.require_torch()
        with opened(path) as checkpoint:
            if checkpoint.size != wanted.size:
                raise WrongSize(path, wanted.size, checkpoint.size)
            if verify:
                found = _sha256(checkpoint)
                if found != wanted.sha256:
                    raise WrongDigest(path, "sha256", wanted.sha256, found)
            scanned = checkpoint.scan(wanted.allow_globals)
            content = checkpoint.load(scanned, wanted.allow_globals)
            network = architectures.load(unwrap(content, wanted.wrapper_key), expected=wanted.architecture)
    except RestorationModelsError as error:
        error.where = error.where or wanted.slug
        raise
    if wanted.input_channels is not None and network.input_channels != wanted.input_channels:
        raise WrongInput(wanted.slug, wanted.input_channels, network.input_channels)
    return network


def _sha256(checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256()
    offset = 0
    while block := os.pread(checkpoint.file.fileno(), BLOCK, offset):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()


def _may_be(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
