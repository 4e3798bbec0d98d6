"""A checkpoint on disk: opened once, measured, scanned and read through that one opening.

A path can come to name another file between two openings; what was scanned would then not be
what is loaded. So everything here goes through one open file.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from restoration_models.errors import ModelProblem
from restoration_models.scan import (
    CheckpointChanged,
    CheckpointFileFailed,
    Container,
    Identity,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    loadable_path,
    open_checkpoint,
    plain_name,
    scan,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

BLOCK = 1 << 20
SHOWN = 6
"""Keys quoted in a message."""

_REFUSALS = (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, TypeError, EOFError, OSError)
"""How torch and safetensors refuse a file."""


class CheckpointMissing(ModelProblem):
    """There is no file where the checkpoint belongs."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "there is no checkpoint", where=str(path), remedy="bring it with 'dvc pull' or 'models download'"
        )


class WrongSize(ModelProblem):
    """The file is shorter or longer than declared."""

    def __init__(self, path: Path, expected: int, found: int) -> None:
        manner = "incomplete" if found < expected else "another file"
        super().__init__(
            f"the file has {found} bytes, the catalogue declares {expected}: it is {manner}",
            where=str(path),
            remedy="download it again, or correct the entry",
        )


class WrongDigest(ModelProblem):
    """The file's bytes are not the declared ones."""

    def __init__(self, path: Path, algorithm: str, expected: str, found: str) -> None:
        super().__init__(
            f"the file's {algorithm} is {found}, the catalogue declares {expected}: it is another file",
            where=str(path),
            remedy="download it again, or correct the entry",
        )


class UnloadableCheckpoint(ModelProblem):
    """The scan passed, yet the reader refuses the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the checkpoint cannot be loaded ({reason})",
            where=str(path),
            remedy="the file is damaged or holds more than tensors: get another from upstream",
        )


class UnknownGlobal(ModelProblem):
    """A reviewed name of the entry's allow-globals does not exist on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"allow-globals names {name}, which cannot be imported",
            remedy="correct the name, or install what defines it",
        )


class WrongWrapperKey(ModelProblem):
    """The state dict does not lie where the catalogue says."""

    def __init__(self, expected: str | None, present: Sequence[str] | None) -> None:
        self.expected = expected
        self.present = None if present is None else tuple(present)
        declared = f"wrapper-key {expected!r}" if expected else "no wrapper-key"
        if present is None:
            found, remedy = "tensors at the top level", "remove the entry's wrapper-key"
        else:
            found = f"the keys {quoted(present)}" if present else "nothing"
            remedy = "set the entry's wrapper-key to the one that holds the state dict"
        super().__init__(f"the catalogue declares {declared}, the file has {found}", remedy=remedy)


class NotAStateDict(ModelProblem):
    """What was unwrapped is not a map of names to dense tensors."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"not a state dict: {reason}", remedy="save the model's state_dict() and nothing else"
        )


@dataclass(frozen=True, slots=True)
class Digests:
    """Both digests of a file, in hex."""

    sha256: str
    md5: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint file; get one from `opened`."""

    path: Path
    """Its name, for messages only."""
    file: BinaryIO
    identity: Identity

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""
        return self.identity.size

    def digests(self) -> Digests:
        """Return both digests in one pass; may run beside the scan in another thread."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        offset = 0
        # pread leaves the file's position alone, which the scan moves.
        while block := os.pread(self.file.fileno(), BLOCK, offset):
            sha256.update(block)
            md5.update(block)
            offset += len(block)
        return Digests(sha256.hexdigest(), md5.hexdigest())

    def verify(self, digests: Digests, *, sha256: str, md5: str | None = None) -> None:
        """Compare with what is declared. Raises `WrongDigest`."""
        for algorithm, expected, found in (("sha256", sha256, digests.sha256), ("md5", md5, digests.md5)):
            if expected is not None and expected != found:
                raise WrongDigest(self.path, algorithm, expected, found)

    def scan(self, allow_globals: Collection[str] = ()) -> ScanReport:
        """Say what loading would do, without doing it and without torch.

        Raises `UnsafeCheckpoint`, `UnreadableCheckpoint`, `ForbiddenAllowance`.
        """
        try:
            return scan(self.file, allow_globals=tuple(allow_globals))
        except (UnsafeCheckpoint, UnreadableCheckpoint, CheckpointFileFailed) as error:
            # The scan was given an open file; the reader wants to know which.
            error.where = str(self.path)
            raise

    def load(self, scanned: ScanReport, allow_globals: Collection[str] = ()) -> Any:
        """Return what the file holds, tensors on the CPU, mapped from the file where possible.

        Takes the scan's report as the proof that the scan came first. Mapped tensors outlive
        the opening. Raises `UnloadableCheckpoint`, `UnknownGlobal`, `CheckpointChanged`, `TorchMissing`.
        """
        from restoration_models.architectures import require_torch

        require_torch(networks=False)
        import torch

        if scanned.container is Container.SAFETENSORS:
            return self._load_safetensors()
        reviewed = [_resolve(name) for name in allow_globals]
        # The last moment before a pickle runs; `opened` asks again at its end.
        self.identity.require(self.file)
        self.file.seek(0)
        # Legacy files cannot be mapped; they are read through the open file.
        mapped = scanned.container is Container.TORCH_ZIP
        source: Any = loadable_path(self.file) if mapped else self.file
        try:
            with torch.serialization.safe_globals(reviewed):
                return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
        except _REFUSALS as error:
            raise UnloadableCheckpoint(self.path, _why("torch", error)) from error

    def _load_safetensors(self) -> dict[str, torch.Tensor]:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            tensors: dict[str, torch.Tensor] = load_file(loadable_path(self.file))
        except (SafetensorError, OSError) as error:
            raise UnloadableCheckpoint(self.path, _why("safetensors", error)) from error
        return tensors


@contextmanager
def opened(path: Path) -> Iterator[Checkpoint]:
    """Open a checkpoint once for all that is done with it; at the end, check that nobody wrote to it.

    Raises `CheckpointMissing`, `CheckpointFileFailed`, `UnreadableCheckpoint` (no regular
    file), `CheckpointChanged`.
    """
    if not path.exists():
        raise CheckpointMissing(path)
    with open_checkpoint(path) as file:
        identity = Identity.of(file)
        yield Checkpoint(path, file, identity)
        try:
            identity.require(file)
        except CheckpointChanged as error:
            error.where = str(path)
            raise


def unwrap(content: Any, wrapper_key: str | None) -> dict[str, torch.Tensor]:
    """Return the state dict under exactly the declared key, or at the top where none is declared.

    Raises `WrongWrapperKey` where it lies elsewhere, `NotAStateDict` where it is none.
    """
    if not isinstance(content, dict):
        raise NotAStateDict(f"the file holds a {type(content).__name__}")
    wrappers = [str(key) for key, value in content.items() if isinstance(value, dict)]
    if wrapper_key is None:
        if wrappers:
            raise WrongWrapperKey(None, [str(key) for key in content])
        return _dense(content)
    if wrapper_key not in content or not isinstance(content[wrapper_key], dict):
        flat = not wrappers and any(hasattr(value, "untyped_storage") for value in content.values())
        raise WrongWrapperKey(wrapper_key, None if flat else [str(key) for key in content])
    return _dense(content[wrapper_key])


def quoted(names: Sequence[str]) -> str:
    """Return the first few names for a message, each shortened."""
    rest = len(names) - SHOWN
    return ", ".join(shown(name) for name in names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _dense(content: Mapping[Any, Any]) -> dict[str, torch.Tensor]:
    import torch

    if not content:
        raise NotAStateDict("it is empty")
    for name, value in content.items():
        if not isinstance(name, str):
            raise NotAStateDict(f"the key {plain_name(str(name))} is no text")
        if not isinstance(value, torch.Tensor):
            raise NotAStateDict(f"{plain_name(name)} holds a {type(value).__name__}, not a tensor")
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise NotAStateDict(f"{plain_name(name)} is not a dense tensor with values")
    return dict(content)


def _resolve(name: str) -> Any:
    """Return the object of a reviewed name; only the catalogue's reviewed names come here."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownGlobal(name) from error


def _why(reader: str, error: BaseException) -> str:
    """Say in our own words why `reader` gave up; its own text stays with the cause.

    That text quotes the file, and torch's advises to load what was refused without restriction.
    """
    if isinstance(error, pickle.UnpicklingError):
        return f"{reader}'s restricted loader does not read its pickle"
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, OSError) and error.strerror:
        return f"{reader} cannot read it: {error.strerror}"
    return f"{reader} refuses it with a {type(error).__name__}"
