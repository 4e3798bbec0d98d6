"""Pickles and containers written byte by byte, so that any part of them can lie."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from restoration_models.scan import UnreadableCheckpoint, UnsafeCheckpoint

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
MAX32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Case:
    """One hostile file, and how it must be refused."""

    name: str
    data: bytes
    says: str
    refused: type[Exception] = UnsafeCheckpoint
    live: bytes = b""
    """The pickle inside that makes the canary when Python's own unpickler runs it."""


def unsafe(name: str, data: bytes, says: str, live: bytes = b"") -> Case:
    return Case(name, data, says, UnsafeCheckpoint, live)


def unreadable(name: str, data: bytes, says: str) -> Case:
    return Case(name, data, says, UnreadableCheckpoint)


# Pickles, opcode by opcode.


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def glob(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def number(value: int, width: int = 9) -> bytes:
    return b"\x8a" + bytes([width]) + value.to_bytes(width, "little", signed=True)


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def storage(key: str = "0", count: int = 4, kind: str = "FloatStorage", tail: bytes = b"") -> bytes:
    return (
        b"(" + text("storage") + glob("torch", kind) + text(key) + text("cpu") + number(count) + tail + b"tQ"
    )


def hooks() -> bytes:
    return glob("collections", "OrderedDict") + b")R"


def tensor(
    source: bytes | None = None,
    offset: int = 0,
    size: tuple[int, ...] = (4,),
    stride: tuple[int, ...] = (1,),
    hooked: bytes | None = None,
    gradient: bool = False,
    tail: bytes = b"",
) -> bytes:
    """`tail` follows the hooks: flags, or a dtype (which only the third version has) and flags."""
    arguments = (storage() if source is None else source) + number(offset) + numbers(*size) + numbers(*stride)
    arguments += (b"\x88" if gradient else b"\x89") + (hooks() if hooked is None else hooked) + tail
    version = 3 if tail.startswith(b"c") else 2
    return glob("torch._utils", f"_rebuild_tensor_v{version}") + b"(" + arguments + b"tR"


def flags(*names: str, value: bytes = b"\x88") -> bytes:
    """The metadata of a tensor."""
    return b"}" + b"".join(text(name) + value + b"s" for name in names)


def parameter(data: bytes, gradient: bool = True) -> bytes:
    mark = b"\x88" if gradient else b"\x89"
    return glob("torch._utils", "_rebuild_parameter") + b"(" + data + mark + hooks() + b"tR"


def device(*arguments: bytes) -> bytes:
    return glob("torch", "device") + b"(" + b"".join(arguments) + b"tR"


def proto(body: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


def state(value: bytes) -> bytes:
    """A state dict with one tensor and one entry more."""
    return proto(b"}(" + text("weight") + tensor() + text("more") + value + b"u")


BENIGN = proto(b"}" + text("weight") + tensor() + b"s")
WEIGHTS = struct.pack("<4f", 1, 2, 3, 4)


# Zip archives, header by header.


@dataclass
class Entry:
    """A member; what starts with `local_` replaces the truth in its own header."""

    name: str
    data: bytes = b""
    flags: int = 0
    method: int = 0
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    after: bytes = b""

    def write(self, where: int) -> tuple[bytes, bytes]:
        packed = self.data
        if self.method == 8:
            engine = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = engine.compress(self.data) + engine.flush()
        true: dict[str, Any] = {
            "name": self.name.encode(),
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(packed),
            "size": len(self.data),
            "extra": b"",
            "header": where,
            "mode": 0,
            "needed": 20,
        }
        a, c = true | self.local, true | self.central
        head = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", a["needed"], a["flags"], a["method"], 0, 0,
            a["crc"], a["packed"], a["size"], len(a["name"]), len(a["extra"]),
        )  # fmt: skip
        entry = struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, c["needed"], c["flags"], c["method"], 0, 0,
            c["crc"], c["packed"], c["size"], len(c["name"]), len(c["extra"]), 0, 0, 0, c["mode"],
            c["header"],
        )  # fmt: skip
        return head + a["name"] + a["extra"] + packed + self.after, entry + c["name"] + c["extra"]


def archive(
    *entries: Entry, before: bytes = b"", gap: bytes = b"", zip64: str = "", end: dict[str, int] | None = None
) -> bytes:
    """Write an archive; `zip64` is "" (none), "true", or the name of what it lies about."""
    body, directory = before, b""
    for entry in entries:
        local, central = entry.write(len(body))
        body += local
        directory += central
    body += gap
    fields = {"disk": 0, "count": len(entries), "size": len(directory), "offset": len(body), "comment": 0}
    fields |= end or {}
    at = len(body) + len(directory)
    wide = b""
    if zip64:
        count = len(entries) + (zip64 == "count")
        where = at + (zip64 == "locator")
        wide = struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), len(body)
        )
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, where, 0 if zip64 == "disks" else 1)
    closing = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", fields["disk"], 0, fields["count"], fields["count"],
        fields["size"], fields["offset"], fields["comment"],
    )  # fmt: skip
    return body + directory + wide + closing


def members(pickle: bytes = BENIGN, weights: bytes = WEIGHTS) -> list[Entry]:
    return [Entry("a/data.pkl", pickle), Entry("a/data/0", weights), Entry("a/version", b"3\n")]


def torch_zip(pickle: bytes = BENIGN, *more: Entry, weights: bytes = WEIGHTS, **how: Any) -> bytes:
    return archive(*members(pickle, weights), *more, **how)


def first(**changes: Any) -> bytes:
    """A checkpoint whose storage member is written with `changes`."""
    entries = members()
    for name, value in changes.items():
        setattr(entries[1], name, value)
    return archive(*entries)


# Legacy checkpoints and safetensors.


def legacy_pickle(tail: bytes = b"N") -> bytes:
    return proto(b"}" + text("weight") + tensor(storage(tail=tail)) + b"s")


def legacy(
    pickle: bytes | None = None,
    system: bytes = proto(b"}" + text("little_endian") + b"\x88s"),
    keys: tuple[str, ...] = ("0",),
    protocol: int = 1001,
    count: int = 4,
    weights: bytes = WEIGHTS,
    before_storages: bytes = b"",
) -> bytes:
    listed = proto(b"](" + b"".join(text(key) for key in keys) + b"e")
    head = MAGIC + proto(number(protocol)) + system + (legacy_pickle() if pickle is None else pickle) + listed
    return head + before_storages + struct.pack("<q", count) + weights


def safetensors(header: object, data: bytes = WEIGHTS, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def described(dtype: str = "F32", shape: object = (4,), offsets: object = (0, 16)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}
