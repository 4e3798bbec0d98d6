"""What a scan ends with: a report, or one of two refusals."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from restoration_models.errors import ModelProblem, WorldFailure

ANOTHER_COPY = "fetch the file again, or from another source"
SAVE_AGAIN = "save it again as a plain state dict with a current torch.save"


class Container(enum.StrEnum):
    """The containers that are read; every other one is refused."""

    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    SAFETENSORS = "safetensors"


@dataclass(frozen=True, slots=True)
class ScanReport:
    """A file that holds nothing but tensors and plain values.

    Its guarantee: loading these bytes as `container` says, with torch's restricted loader or
    the safetensors library, calls only the functions in `globals` that are allow-listed, and
    every tensor lies inside the file. It says nothing of the tensors' values.
    """

    container: Container
    globals: tuple[str, ...]
    """Every dotted name that the pickles mention, sorted; empty for safetensors."""
    members: int
    """torch-zip: members of the archive; torch-legacy: pickles and raw storages;
    safetensors: tensors."""
    tensors: int
    """How many tensors are built."""
    size: int
    """Bytes of the file."""

    def to_dict(self) -> dict[str, object]:
        """Return what a validation report keeps: the same for the same bytes, plain JSON."""
        return {
            "container": self.container.value,
            "globals": list(self.globals),
            "members": self.members,
        }


class UnsafeCheckpoint(ModelProblem):
    """The file would do more than build tensors, or tries to look like what it is not."""

    def __init__(
        self,
        what: str,
        *,
        member: str | None = None,
        position: int | None = None,
        opcode: str | None = None,
        global_name: str | None = None,
        remedy: str = "do not load it; get the checkpoint from a source you trust and report this one",
    ) -> None:
        super().__init__(_placed(what, member, position, opcode), remedy=remedy)
        self.member = member
        """Zip member or pickle of the file, escaped for printing."""
        self.position = position
        """Byte offset of the opcode inside its pickle."""
        self.opcode = opcode
        self.global_name = global_name
        """The dotted name that is not allow-listed, where that is the reason."""


class UnreadableCheckpoint(ModelProblem):
    """The file is in a container that is not read, or is damaged: refused, never guessed."""

    def __init__(
        self,
        what: str,
        *,
        member: str | None = None,
        position: int | None = None,
        opcode: str | None = None,
        remedy: str = ANOTHER_COPY,
    ) -> None:
        super().__init__(_placed(what, member, position, opcode), remedy=remedy)
        self.member = member
        self.position = position
        self.opcode = opcode


class CheckpointFileFailed(WorldFailure):
    """The operating system could not open or read the file."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot be read: {reason}", remedy="check that the file exists and is readable")


def shown(text: str | bytes, limit: int = 60) -> str:
    """Return untrusted text as a short quoted string of printable ASCII.

    Every name that comes from a file reaches a message through this or `plain_name`: a file can
    hold a name of a megabyte.
    """
    raw = ascii(text[: limit + 1].decode("latin-1") if isinstance(text, bytes) else text[: limit + 1])
    return raw if len(text) <= limit else raw[: limit + 1] + "…'"


def plain_name(text: str) -> str:
    """Return an untrusted member name as it is where it is tame, quoted and escaped otherwise."""
    tame = text.isascii() and text.isprintable() and 0 < len(text) <= 80 and "'" not in text
    return text if tame else shown(text, 80)


def _placed(what: str, member: str | None, position: int | None, opcode: str | None) -> str:
    place = f"{member}: " if member else ""
    if position is None:
        return f"{place}{what}"
    at = f"{opcode} at byte {position}" if opcode else f"at byte {position}"
    return f"{place}{what} ({at})"
