"""Knows other containers by their first bytes, to say what a file is and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from restoration_models.scan.verdicts import ANOTHER_COPY, SAVE_AGAIN, UnreadableCheckpoint, shown

HEAD: Final = 512
"""Bytes that `recognised` needs to see."""

_EXTRACT = "extract it and name the checkpoint inside"
_CONVERT = "convert it to safetensors where its own framework is trusted, or use the original weights"


@dataclass(frozen=True, slots=True)
class Kind:
    """A container that is not read."""

    what: str
    remedy: str


# Four bytes and more: no tensor data begins like this by chance.
_CERTAIN: Final = (
    (b"PK\x03\x04", Kind("a zip archive", _EXTRACT)),
    (b"PK\x05\x06", Kind("an empty zip archive", ANOTHER_COPY)),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _EXTRACT)),
    (b"Rar!\x1a\x07", Kind("a RAR archive", _EXTRACT)),
    (b"\xfd7zXZ\x00", Kind("xz-compressed", _EXTRACT)),
    (b"\x28\xb5\x2f\xfd", Kind("zstd-compressed", _EXTRACT)),
    (b"\x04\x22\x4d\x18", Kind("lz4-compressed", _EXTRACT)),
    (b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file (Keras, MATLAB)", _CONVERT)),
    (b"GGUF", Kind("a GGUF file (llama.cpp)", _CONVERT)),
    (
        b"\x93NUMPY",
        Kind("a NumPy array (.npy)", "load it with allow_pickle=False and save it as safetensors"),
    ),
    (
        b"version https://git-lfs",
        Kind(
            "a Git LFS pointer, a text that stands for the file",
            "run 'git lfs pull' there, or use the file's own address",
        ),
    ),
    (b"\x7fELF", Kind("a program (ELF)", ANOTHER_COPY)),
    (b"%PDF-", Kind("a PDF document", ANOTHER_COPY)),
    (b"\x89PNG\r\n\x1a\n", Kind("a PNG picture", ANOTHER_COPY)),
    (b"SQLite format 3\x00", Kind("an SQLite database", ANOTHER_COPY)),
)
# Too short to accuse raw tensor data, long enough for a whole file.
_LIKELY: Final = (
    (b"\x1f\x8b", Kind("gzip-compressed", _EXTRACT)),
    (b"BZh", Kind("bzip2-compressed", _EXTRACT)),
    (b"MZ", Kind("a program (Windows)", ANOTHER_COPY)),
    (b"\xff\xd8\xff", Kind("a JPEG picture", ANOTHER_COPY)),
)
_TAR: Final = Kind("a tar archive (torch before 0.4 wrote such checkpoints)", f"{_EXTRACT}, or {SAVE_AGAIN}")
_TFLITE: Final = Kind("a TensorFlow Lite model", _CONVERT)
_ONNX: Final = Kind(
    "an ONNX model (protobuf), a graph rather than a state dict", "use the checkpoint it was exported from"
)
_ONNX_FIELDS: Final = (b"\x12", b"\x1a", b"\x3a", b"\x42")
_HTML: Final = Kind(
    "an HTML or XML page",
    "the source answered with a page instead of the file: open its address in a browser to see why",
)
_JSON: Final = Kind("a JSON text", "check the source's address: it may describe the file rather than be it")


def recognised(head: bytes, *, certain: bool = False) -> Kind | None:
    """Return what a file is whose first bytes are `head`, or None where that is not known.

    `certain` leaves out the guesses that raw tensor data could hit by chance.
    """
    for prefix, kind in _CERTAIN:
        if head.startswith(prefix):
            return kind
    if is_tar(head, certain=certain):
        return _TAR
    if certain:
        return None
    for prefix, kind in _LIKELY:
        if head.startswith(prefix):
            return kind
    if head[4:8] == b"TFL3":
        return _TFLITE
    # ModelProto: field 1 (ir_version, a small number), then a text, a graph or an import of operators.
    if head[:1] == b"\x08" and b"\0" < head[1:2] < b"\x40" and head[2:3] in _ONNX_FIELDS:
        return _ONNX
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<body")):
        return _HTML
    if text.startswith((b"{", b"[")) and head.isascii():
        return _JSON
    return None


def is_tar(head: bytes, *, certain: bool = False) -> bool:
    """Return whether `head` begins with a tar header: the name does not matter, the checksum does.

    torch asks Python's tarfile for this before anything else of a file that is no zip, so a
    legacy checkpoint that is a tar as well is two things at once. `certain` leaves out the
    checksums that no writer of tar files writes and raw tensor data could hit by chance.
    """
    if head[257:262] == b"ustar":
        return True
    declared = _tar_number(head[148:156]) if len(head) >= HEAD else None
    if declared is None or (certain and declared <= 0):
        return False
    block = head[:148] + b" " * 8 + head[156:HEAD]
    # The sums of bytes with and without a sign: old tars differ in that.
    return declared in (sum(block), sum(byte - 256 if byte > 127 else byte for byte in block))


def _tar_number(field: bytes) -> int | None:
    """Return what tarfile makes of a number in a tar header, in every spelling that it takes; or None."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** len(field[1:]) if field[0] == 0xFF else 0)
    try:
        # Python's own idea of a number is meant: a sign, 0o and _ included; nothing at all is 0.
        return int(field.partition(b"\0")[0].decode("ascii").strip() or "0", 8)
    except ValueError:
        return None


def refusal(head: bytes) -> UnreadableCheckpoint:
    """Return the refusal of a file that is in none of the containers that are read."""
    kind = recognised(head)
    if kind is not None:
        return UnreadableCheckpoint(
            f"is {kind.what}, not a torch or safetensors checkpoint", remedy=kind.remedy
        )
    return UnreadableCheckpoint(
        f"is in no known container (it begins with {shown(head, 16)})",
        remedy=f"torch (zip or legacy) and safetensors checkpoints are read; {ANOTHER_COPY}",
    )
