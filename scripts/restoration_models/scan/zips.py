"""A strict reading of the zip container: every byte of the file is accounted for, once.

Zip readers differ in what they make of a file that says a thing twice. Here both ways of
saying it must agree (central directory and local header, plain and zip64 fields), members lie
one after the other from the first byte, the directory follows them, and its end ends the file.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from restoration_models.scan.limits import MAX_DIRECTORY, MAX_MEMBERS, MAX_NAME
from restoration_models.scan.source import Source
from restoration_models.scan.verdicts import (
    SAVE_AGAIN,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    plain_name,
    shown,
)

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")

_STREAMED: Final = 0x0008
"""Flag: sizes and CRC follow the data, in a descriptor."""
_UTF8: Final = 0x0800
_ENCRYPTED: Final = 0x0001 | 0x0040 | 0x2000
_MAX16: Final = 0xFFFF
_MAX32: Final = 0xFFFFFFFF
_ZIP64: Final = 0x0001
_TAME: Final = 0x0021
"""DOS flags without a meaning here: read-only, archive."""
_PADDING: Final = 0x4246
"""'FB': how torch fills a local header up, so that the data is aligned."""


@dataclass(frozen=True, slots=True)
class Member:
    """One stored member; its bytes are ``[offset, offset + size)`` of the file."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def shown(self) -> str:
        """The name as an error text may show it."""
        return plain_name(self.name)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A central directory entry."""

    raw_name: bytes
    name: str
    flags: int
    method: int
    needed: int
    """Zip version needed to read it, times ten."""
    attributes: int
    """External attributes: DOS flags below, Unix file type and permissions above."""
    crc: int
    size: int
    header: int


def read_members(source: Source, other_kind: Callable[[Sequence[str]], None]) -> tuple[Member, ...]:
    """Return the members in the order of their bytes.

    `other_kind` sees the names first and may raise a refusal that says more than "compressed".

    Raises `UnsafeCheckpoint` for a file that different readers would read differently, and
    `UnreadableCheckpoint` for a damaged one or one with compressed or encrypted members.
    """
    directory, directory_size, count = _find_directory(source)
    entries = _read_directory(source, directory, directory_size, count)
    other_kind([entry.name for entry in entries])
    for entry in entries:
        _check_kind(entry)
    _refuse_doubles(entries)
    entries.sort(key=lambda entry: entry.header)
    if entries[0].header:
        raise UnsafeCheckpoint("the archive has bytes before its first member")
    # Each member ends where the next one, and at last the directory, begins: no gap and no overlap.
    limits = [*(entry.header for entry in entries[1:]), directory]
    return tuple(_read_local(source, entry, limit) for entry, limit in zip(entries, limits, strict=True))


def checked_content(source: Source, member: Member) -> None:
    """Raise `UnreadableCheckpoint` unless the member's bytes have the CRC that it declares."""
    crc = 0
    for chunk in source.chunks(member.offset, member.size):
        crc = zlib.crc32(chunk, crc)
    if crc != member.crc:
        raise UnreadableCheckpoint(
            f"the content has CRC {crc:08x}, the archive says {member.crc:08x}", member=member.shown
        )


def _find_directory(source: Source) -> tuple[int, int, int]:
    """Return offset, size and entry count of the only central directory."""
    end_at = source.size - _END.size
    if end_at < 0:
        raise _truncated()
    sign, disk, start_disk, here, count, size, offset, comment = _END.unpack(
        source.exactly(end_at, _END.size)
    )
    if sign != b"PK\x05\x06" or comment:
        # Either cut off, or something follows the archive's end (a comment is that, too).
        tail_at = max(0, source.size - _MAX16 - _END.size)
        if source.read(tail_at, source.size - tail_at).rfind(b"PK\x05\x06") >= 0:
            raise UnsafeCheckpoint("the archive has a comment or other data after its end")
        raise _truncated()
    expected_end = end_at
    locator_at = end_at - _LOCATOR.size
    locator = source.read(locator_at, _LOCATOR.size) if locator_at >= 0 else b""
    if locator.startswith(b"PK\x06\x07"):
        expected_end, values = _read_zip64_end(source, locator_at, locator)
        plain = (disk, start_disk, here, count, size, offset)
        limits = (_MAX16, _MAX16, _MAX16, _MAX16, _MAX32, _MAX32)
        for said, wide, most in zip(plain, values, limits, strict=True):
            if said not in (wide, most):
                raise UnsafeCheckpoint(f"the archive's two ends disagree ({said} and {wide})")
        disk, start_disk, here, count, size, offset = values
    if disk or start_disk or here != count:
        raise UnsafeCheckpoint("the archive says that it is one of several parts")
    if not 0 < count <= MAX_MEMBERS or size > MAX_DIRECTORY:
        raise UnreadableCheckpoint(
            f"the archive has {count} members and a directory of {size} bytes; "
            f"1 to {MAX_MEMBERS} members and {MAX_DIRECTORY} bytes are read"
        )
    if offset + size != expected_end:
        raise UnsafeCheckpoint(
            "the archive's directory does not end where its end record begins", position=offset
        )
    return offset, size, count


def _read_zip64_end(source: Source, locator_at: int, locator: bytes) -> tuple[int, tuple[int, ...]]:
    """Return where the zip64 end record begins, and its six values."""
    _, disk, record_at, disks = _LOCATOR.unpack(locator)
    if disk or disks != 1 or record_at != locator_at - _END64.size:
        raise UnsafeCheckpoint("the archive's zip64 end record is not where it belongs", position=locator_at)
    fields = _END64.unpack(source.exactly(record_at, _END64.size))
    if fields[0] != b"PK\x06\x06" or fields[1] != _END64.size - 12:
        raise UnsafeCheckpoint("the archive's zip64 end record is malformed", position=record_at)
    return record_at, fields[4:]


def _read_directory(source: Source, offset: int, size: int, count: int) -> list[_Entry]:
    data = source.exactly(offset, size)
    entries, at = [], 0
    for _ in range(count):
        if at + _CENTRAL.size > size:
            raise UnsafeCheckpoint(f"the archive's directory has fewer than the {count} entries it announces")
        fields = _CENTRAL.unpack_from(data, at)
        sign, needed, flags, method = fields[0], fields[2], fields[3], fields[4]
        crc, packed, unpacked, name_length, extra_length, comment_length, disk, _, attributes, header = (
            fields[7:]
        )
        at += _CENTRAL.size
        raw_name, extra = (
            data[at : at + name_length],
            data[at + name_length : at + name_length + extra_length],
        )
        at += name_length + extra_length
        if sign != b"PK\x01\x02" or at > size or comment_length or disk not in (0, _MAX16):
            raise UnsafeCheckpoint("an entry of the archive's directory is malformed", position=offset + at)
        name = _decoded(raw_name)
        shown_name = plain_name(name)
        unpacked, packed, header = _widened(extra, (unpacked, packed, header), shown_name)
        if packed != unpacked and not method:
            raise UnsafeCheckpoint("a stored member has two different sizes", member=shown_name)
        entries.append(
            _Entry(raw_name, name, flags, method, needed & 0xFF, attributes, crc, unpacked, header)
        )
    if at != size:
        raise UnsafeCheckpoint("the archive's directory has bytes after its last entry", position=offset + at)
    return entries


def _decoded(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UnsafeCheckpoint(f"the archive has a member whose name is no text: {shown(raw)}") from None
    parts = name.split("/")
    odd = not name.isprintable() or "\\" in name or ":" in parts[0] or len(raw) > MAX_NAME
    if odd or any(part in ("", ".", "..") for part in parts):
        raise UnsafeCheckpoint(f"the archive has a member with an unsafe name: {shown(name)}")
    return name


def _check_kind(entry: _Entry) -> None:
    name = plain_name(entry.name)
    if entry.flags & _ENCRYPTED:
        raise UnreadableCheckpoint("the member is encrypted", member=name, remedy=SAVE_AGAIN)
    if entry.flags & ~(_STREAMED | _UTF8):
        raise UnsafeCheckpoint(f"the member has unusual flags (0x{entry.flags:04x})", member=name)
    if entry.method:
        # torch would decompress it where it reads, and take the compressed bytes for the tensor
        # where it maps; and a few kB can unpack to terabytes.
        raise UnreadableCheckpoint(
            f"the member is compressed (method {entry.method}); torch.save stores without compression",
            member=name,
            remedy=SAVE_AGAIN,
        )
    if entry.needed > 45:
        raise UnreadableCheckpoint(
            f"the member needs zip version {entry.needed}", member=name, remedy=SAVE_AGAIN
        )
    # torch takes a member with the folder flag for an empty one, and leaves the tensor uninitialised.
    if entry.attributes & 0xFFFF & ~_TAME or stat.S_IFMT(entry.attributes >> 16) not in (0, stat.S_IFREG):
        raise UnsafeCheckpoint(
            "the member is marked as a folder, a link or another special file", member=name
        )


def _widened(extra: bytes, values: tuple[int, int, int], name: str) -> tuple[int, int, int]:
    """Return sizes and offset with those that say "see zip64" taken from the zip64 field."""
    fields = _extra_fields(extra, name)
    wide = fields.pop(_ZIP64, b"")
    if fields:
        raise UnsafeCheckpoint(
            f"the directory entry has the extra field 0x{next(iter(fields)):04x}", member=name
        )
    if len(wide) != 8 * sum(value == _MAX32 for value in values):
        raise UnsafeCheckpoint("the directory entry's zip64 field does not match its sizes", member=name)
    numbers = iter(struct.unpack(f"<{len(wide) // 8}Q", wide))
    first, second, third = (next(numbers) if value == _MAX32 else value for value in values)
    return first, second, third


def _extra_fields(extra: bytes, name: str) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        tag, length = struct.unpack_from("<2H", extra, at) if at + 4 <= len(extra) else (0, _MAX16)
        if at + 4 + length > len(extra) or tag in fields:
            raise UnsafeCheckpoint("the member has a malformed extra field", member=name)
        fields[tag] = extra[at + 4 : at + 4 + length]
        at += 4 + length
    return fields


def _read_local(source: Source, entry: _Entry, following: int) -> Member:
    """Read the local header of `entry`, compare the two, and account for every byte up to `following`."""
    name = plain_name(entry.name)
    head = source.exactly(entry.header, _LOCAL.size, member=name)
    sign, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = _LOCAL.unpack(head)
    rest = source.exactly(entry.header + _LOCAL.size, name_length + extra_length, member=name)
    if sign != LOCAL_SIGNATURE:
        raise UnsafeCheckpoint("the directory points to something that is no member", member=name)
    if rest[:name_length] != entry.raw_name:
        raise UnsafeCheckpoint(
            f"the directory and the member itself give two names, the latter {shown(rest[:name_length])}",
            member=name,
        )
    if flags != entry.flags or method:
        raise UnsafeCheckpoint(
            "the directory and the member's own header disagree on how it is stored", member=name
        )
    wide = _check_local_extra(rest[name_length:], entry, name)
    said = (crc, packed, unpacked)
    true = {(entry.crc, entry.size, entry.size)}
    if wide:
        true.add((entry.crc, _MAX32, _MAX32))
    if flags & _STREAMED:
        true |= {(0, 0, 0), (0, _MAX32, _MAX32)}
    if said not in true:
        raise UnsafeCheckpoint(
            "the directory and the member's own header disagree on size or CRC", member=name
        )
    offset = entry.header + _LOCAL.size + len(rest)
    end = offset + entry.size
    _check_descriptor(source, entry, end, following, name)
    return Member(entry.name, offset, entry.size, entry.crc)


def _check_local_extra(extra: bytes, entry: _Entry, name: str) -> bool:
    """Return whether the local header has both sizes in a zip64 field."""
    fields = _extra_fields(extra, name)
    padding = fields.pop(_PADDING, b"")
    wide = fields.pop(_ZIP64, b"")
    if fields or padding.strip(b"Z").strip(b"\0"):
        raise UnsafeCheckpoint(
            "the member's header has an extra field that torch does not write", member=name
        )
    numbers = struct.unpack(f"<{len(wide) // 8}Q", wide) if len(wide) % 8 == 0 else (-1,)
    # What torch's writer puts there depends on what is too large for the plain fields; each must be true,
    # or 0 where the sizes follow the data.
    true = {entry.size, entry.header} | ({0} if entry.flags & _STREAMED else set())
    if not set(numbers) <= true:
        raise UnsafeCheckpoint("the member's zip64 field disagrees with the directory", member=name)
    return numbers[:2] == (entry.size, entry.size)


def _check_descriptor(source: Source, entry: _Entry, end: int, following: int, name: str) -> None:
    """Check what lies between a member's data and the next header: its descriptor or nothing."""
    gap = following - end
    if gap < 0:
        raise UnsafeCheckpoint("the member overlaps what follows it", member=name)
    if gap == 0 and (not entry.flags & _STREAMED or entry.size == 0):
        return
    if not entry.flags & _STREAMED or gap not in (16, 24):
        raise UnsafeCheckpoint(f"the member is followed by {gap} unaccounted bytes", member=name)
    width = "<4sL2L" if gap == 16 else "<4sL2Q"
    if struct.unpack(width, source.exactly(end, gap)) != (b"PK\x07\x08", entry.crc, entry.size, entry.size):
        raise UnsafeCheckpoint("the directory and the member's descriptor disagree", member=name)


def _refuse_doubles(entries: list[_Entry]) -> None:
    """torch looks names up without regard to case, so that two of a kind are one too many."""
    seen: set[str] = set()
    for entry in entries:
        key = entry.name.casefold()
        if key in seen:
            raise UnsafeCheckpoint("the archive has two members of this name", member=plain_name(entry.name))
        seen.add(key)


def _truncated() -> UnreadableCheckpoint:
    return UnreadableCheckpoint("begins as a zip archive but has no end: the file is truncated")
