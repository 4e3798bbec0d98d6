"""The header of a safetensors file, checked without the library (which may not be installed).

Stricter than the library in what it refuses, never laxer: one JSON object, known dtypes, and
tensors that cover the data exactly, one after the other.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

from restoration_models.scan.calls import countable
from restoration_models.scan.limits import (
    MAX_DIMENSIONS,
    MAX_HEADER,
    MAX_HEADER_DEPTH,
    MAX_HEADER_VALUES,
    MAX_MEMBERS,
)
from restoration_models.scan.source import Source
from restoration_models.scan.verdicts import (
    Container,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    shown,
)

LENGTH_BYTES: Final = 8
_METADATA: Final = "__metadata__"
_INT64: Final = 1 << 63
_DTYPES: Final = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
    "C64": 8,
}


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Return whether a file of `size` bytes begins with a plausible header length and a JSON object.

    A length that is too large for the file is plausible where it would be for a longer one: the
    file may be truncated.
    """
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    return size > LENGTH_BYTES and head[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" and length < 1 << 40


def scan_safetensors(source: Source) -> ScanReport:
    """Scan a safetensors file; raise `UnsafeCheckpoint` or `UnreadableCheckpoint`."""
    length = int.from_bytes(source.exactly(0, LENGTH_BYTES), "little")
    if length > MAX_HEADER:
        raise UnreadableCheckpoint(
            f"its safetensors header claims {length} bytes; at most {MAX_HEADER} are read"
        )
    header = _parsed(source.exactly(LENGTH_BYTES, length))
    _check_metadata(header.pop(_METADATA, {}))
    if len(header) > MAX_MEMBERS:
        raise UnreadableCheckpoint(f"has {len(header)} tensors; at most {MAX_MEMBERS} are read")
    spans = sorted(_span(name, entry) for name, entry in header.items())
    expected = 0
    for begin, end, name in spans:
        if begin != expected:
            raise UnsafeCheckpoint(
                f"tensor {shown(name)} begins at byte {begin} of the data, {expected} is expected"
            )
        expected = end
    data = source.size - LENGTH_BYTES - length
    if expected > data:
        raise UnreadableCheckpoint(f"is truncated: its tensors need {expected} bytes, {data} are there")
    if expected < data:
        raise UnsafeCheckpoint(f"{data - expected} bytes follow the last tensor")
    return ScanReport(
        container=Container.SAFETENSORS, globals=(), members=len(spans), tensors=len(spans), size=source.size
    )


def _check_extent(raw: bytes) -> None:
    """Refuse JSON that would take far more memory than its text, before anything is made of it."""
    # Escapes in pairs of bytes, so that a quote that is left begins or ends a text.
    plain = raw.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in raw else raw
    # A value is at most two texts, its name and itself.
    many = plain.count(b'"') > 4 * MAX_HEADER_VALUES
    outside = b"" if many else b"".join(plain.split(b'"')[::2])
    if many or sum(map(outside.count, (b",", b"{", b"["))) > MAX_HEADER_VALUES:
        raise UnreadableCheckpoint(f"its safetensors header holds more than {MAX_HEADER_VALUES} values")
    depth = 0
    for bracket in re.finditer(rb"[\[{]|[\]}]", outside):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_HEADER_DEPTH:
            raise UnreadableCheckpoint("its safetensors header is nested too deep")
        if depth <= 0:
            # What follows the object's end is no JSON; its parser gives up there.
            return


def _parsed(raw: bytes) -> dict[str, object]:
    _check_extent(raw)
    try:
        header = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_not_json,
            parse_int=_whole,
        )
    except (ValueError, RecursionError) as error:
        detail = "nested too deep" if isinstance(error, RecursionError) else type(error).__name__
        raise UnreadableCheckpoint(f"its safetensors header is no valid JSON ({detail})") from None
    if not isinstance(header, dict):
        raise UnreadableCheckpoint("its safetensors header is no JSON object")
    return header


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise UnsafeCheckpoint("its safetensors header has a key twice")
    for key, value in pairs:
        for text in (key, value):
            # JSON can escape halves of a character, which no other text can hold.
            if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text):
                raise ValueError
    return made


def _not_json(_: str) -> NoReturn:
    raise ValueError


def _whole(digits: str) -> int:
    if len(digits) > 20 or digits.startswith("-"):
        raise ValueError
    return int(digits)


def _check_metadata(metadata: object) -> None:
    texts = isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    if not texts:
        raise UnreadableCheckpoint("its safetensors metadata is no table of texts")


def _span(name: str, entry: object) -> tuple[int, int, str]:
    """Return begin and end of a tensor's bytes, after checking that its shape fills them."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise UnreadableCheckpoint(
            f"tensor {shown(name)} is not described by dtype, shape and data_offsets alone"
        )
    item_size = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if item_size is None:
        kind = shown(str(entry["dtype"]))
        raise UnreadableCheckpoint(f"tensor {shown(name)} has the unknown dtype {kind}")
    shape, offsets = _numbers(entry["shape"]), _numbers(entry["data_offsets"])
    if shape is None or len(shape) > MAX_DIMENSIONS or offsets is None or len(offsets) != 2:
        raise UnreadableCheckpoint(f"tensor {shown(name)} has an invalid shape or invalid offsets")
    if not countable(shape, item_size):
        raise UnsafeCheckpoint(f"tensor {shown(name)} has a shape of more bytes than can be counted")
    begin, end = offsets
    if end - begin != math.prod(shape) * item_size:
        raise UnsafeCheckpoint(
            f"tensor {shown(name)} has {end - begin} bytes of data, "
            f"its shape needs {math.prod(shape) * item_size}"
        )
    return begin, end, name


def _numbers(value: object) -> list[int] | None:
    if not isinstance(value, list):
        return None
    numbers = [
        item for item in value if isinstance(item, int) and not isinstance(item, bool) and item < _INT64
    ]
    return numbers if len(numbers) == len(value) else None
