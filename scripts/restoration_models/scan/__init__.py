"""What loading a checkpoint would do, found out without doing it.

Reads torch checkpoints (zip and legacy) and safetensors, and refuses everything else. The
rule is an allow-list that fails closed: a name, an opcode, a zip member or a byte that is not
accounted for refuses the file. torch is neither needed nor imported; memory and time are
bounded by `limits`, whatever the file claims.

The bytes that are scanned must be the bytes that are loaded. So a validator opens the file
once and never its path again::

    with open_checkpoint(path) as file:
        before = Identity.of(file)
        ...                                   # digests, read from `file`
        file.seek(0)
        report = scan(file, allow_globals=model.expects.allow_globals)
        if report.container is Container.TORCH_ZIP:
            torch.load(loadable_path(file), weights_only=True, mmap=True, map_location="cpu")
        elif report.container is Container.TORCH_LEGACY:
            torch.load(file, weights_only=True, map_location="cpu")
        else:
            safetensors.torch.load_file(loadable_path(file))
        before.require(file)                  # nobody wrote to it meanwhile

Go by `ScanReport.container`, never by the file's extension: one file can begin as two formats.
"""

from restoration_models.scan.allowlist import ALLOWED, ForbiddenAllowance
from restoration_models.scan.container import ScanFailed, scan
from restoration_models.scan.source import CheckpointChanged, Identity, loadable_path, open_checkpoint
from restoration_models.scan.verdicts import (
    CheckpointFileFailed,
    Container,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    plain_name,
    shown,
)

__all__ = [
    "ALLOWED",
    "CheckpointChanged",
    "CheckpointFileFailed",
    "Container",
    "ForbiddenAllowance",
    "Identity",
    "ScanFailed",
    "ScanReport",
    "UnreadableCheckpoint",
    "UnsafeCheckpoint",
    "loadable_path",
    "open_checkpoint",
    "plain_name",
    "scan",
    "shown",
]
