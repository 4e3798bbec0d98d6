"""Decides what a file is, by its first bytes and never by its name, and has it scanned."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO

from restoration_models.scan.allowlist import Allowed, allowed_names
from restoration_models.scan.legacy import MAGIC, scan_torch_legacy
from restoration_models.scan.probe import refuse_pickle
from restoration_models.scan.safetensors import looks_like_safetensors, scan_safetensors
from restoration_models.scan.signatures import HEAD, is_tar, refusal
from restoration_models.scan.source import Identity, Source, open_checkpoint
from restoration_models.scan.torchzip import scan_torch_zip
from restoration_models.scan.verdicts import (
    SAVE_AGAIN,
    CheckpointFileFailed,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    plain_name,
)
from restoration_models.scan.zips import LOCAL_SIGNATURE


def scan(file: Path | BinaryIO, *, allow_globals: Collection[str] = ()) -> ScanReport:
    """Return what a checkpoint holds, having read it without running or importing anything.

    `file` is a path, or an open, seekable binary file (its position is kept). Give the open
    file that is loaded afterwards: see the package's docstring. `allow_globals` are the dotted
    names that the model's catalogue entry allows besides `ALLOWED`.

    Raises `UnsafeCheckpoint`, `UnreadableCheckpoint` (whatever is not understood is refused),
    `ForbiddenAllowance` for an entry of `allow_globals` that may not be allowed, and
    `CheckpointFileFailed` where the operating system fails to read the file.
    """
    allowed = allowed_names(allow_globals)
    if isinstance(file, Path):
        with open_checkpoint(file) as opened:
            return _scan_named(opened, plain_name(file.name), allowed)
    name = getattr(file, "name", None)
    return _scan_named(file, plain_name(Path(name).name) if isinstance(name, str | Path) else None, allowed)


def _scan_named(file: BinaryIO, name: str | None, allowed: Mapping[str, Allowed]) -> ScanReport:
    try:
        return _scan_unchanged(file, allowed)
    except (UnsafeCheckpoint, UnreadableCheckpoint) as error:
        error.where = name
        raise
    except OSError as error:
        failed = CheckpointFileFailed(error.strerror or type(error).__name__)
        failed.where = name
        raise failed from error
    except (
        ArithmeticError,
        AssertionError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # A fault of this scan, not of the file alone; still, what could not be scanned is not clean.
        refused = ScanFailed(error)
        refused.where = name
        raise refused from error


class ScanFailed(UnreadableCheckpoint):
    """The scan met something its author did not think of: refused all the same."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"cannot be scanned: {type(error).__name__}",
            remedy="report this file as a fault of the scan; until then it is not loaded",
        )


def _scan_unchanged(file: BinaryIO, allowed: Mapping[str, Allowed]) -> ScanReport:
    position = file.tell()
    try:
        before = Identity.of(file)
    except (AttributeError, io.UnsupportedOperation):
        before = None  # bytes in memory, which nobody else can write to
    try:
        report = _scan_source(Source(file), allowed)
    finally:
        file.seek(position)
    if before is not None:
        before.require(file)
    return report


def _scan_source(source: Source, allowed: Mapping[str, Allowed]) -> ScanReport:
    head = source.read(0, HEAD)
    if not head:
        raise UnreadableCheckpoint("is empty")
    # The order is torch's own: a zip archive by its first four bytes, then a tar archive, then pickles.
    if head.startswith(LOCAL_SIGNATURE):
        return scan_torch_zip(source, allowed)
    if is_tar(head):
        raise refusal(head)
    if head.startswith(MAGIC):
        return scan_torch_legacy(source, allowed)
    if looks_like_safetensors(head, source.size):
        return scan_safetensors(source)
    if len(head) < len(MAGIC) and MAGIC.startswith(head):
        raise UnreadableCheckpoint("is truncated: only its first bytes are there")
    refuse_pickle(source, 0, source.size, "the file", allowed)
    if head[0] == 0x80 and head[1:2] and head[1] <= 5:
        raise UnreadableCheckpoint(
            "is a bare pickle, not a checkpoint that torch.save wrote", remedy=SAVE_AGAIN
        )
    raise refusal(head)
