"""The checkpoint of torch before 1.6: five pickles in a row, then the raw storages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from restoration_models.scan.allowlist import Allowed
from restoration_models.scan.limits import MAX_MEMBERS
from restoration_models.scan.pickles import Pickle
from restoration_models.scan.source import Source, Window
from restoration_models.scan.values import Kind, Node, Storage, Value
from restoration_models.scan.verdicts import Container, ScanReport, UnreadableCheckpoint, UnsafeCheckpoint

MAGIC: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle, a number that never varies."""

_PROTOCOL: Final = 1001
_COUNT_BYTES: Final = 8


def scan_torch_legacy(source: Source, allowed: Mapping[str, Allowed]) -> ScanReport:
    """Scan a legacy checkpoint, whose first bytes are `MAGIC`.

    Raises `UnsafeCheckpoint` or `UnreadableCheckpoint`.
    """
    window = Window(source, 0, source.size, member="the file")
    window.take(len(MAGIC))
    if _plain(window, "the protocol pickle", allowed) != _PROTOCOL:
        raise UnreadableCheckpoint(f"has a legacy protocol other than {_PROTOCOL}")
    _check_system(_plain(window, "the system pickle", allowed))
    pickle = Pickle(window, member="the object pickle", allowed=allowed, legacy=True)
    pickle.run()
    keys = _storage_keys(_plain(window, "the storage list", allowed))
    storages = pickle.ledger.storages
    if len(set(keys)) != len(keys) or set(keys) != set(storages):
        raise UnsafeCheckpoint("the storage list is not the list of the storages that the object uses")
    _match_storages(source, window.position, [storages[key] for key in keys])
    return ScanReport(
        container=Container.TORCH_LEGACY,
        globals=tuple(sorted(pickle.globals)),
        members=5 + len(keys),
        tensors=pickle.ledger.tensors,
        size=source.size,
    )


def _plain(window: Window, member: str, allowed: Mapping[str, Allowed]) -> Value:
    """Return the value of a pickle that may not import anything."""
    pickle = Pickle(window, member=member, allowed=allowed, storages=False)
    value = pickle.run()
    if pickle.globals:
        name = min(pickle.globals)
        raise UnsafeCheckpoint(f"imports {name} where no import belongs", member=member, global_name=name)
    return value


def _check_system(value: Value) -> None:
    # torch ignores what is in here; the storages are little-endian in any case.
    if not isinstance(value, Node) or value.kind is not Kind.DICT:
        raise UnreadableCheckpoint("has no description of the system that wrote it")


def _storage_keys(value: Value) -> list[str]:
    if not isinstance(value, Node) or value.kind is not Kind.LIST or len(value.items) > MAX_MEMBERS:
        raise UnreadableCheckpoint(f"has no storage list, or one of more than {MAX_MEMBERS}")
    keys = [key for key in value.items if isinstance(key, str)]
    if len(keys) != len(value.items):
        raise UnsafeCheckpoint("the storage list holds something other than texts")
    return keys


def _match_storages(source: Source, offset: int, storages: list[Storage]) -> None:
    """Each storage repeats its number of elements, and the last one ends the file."""
    for storage in storages:
        count = int.from_bytes(source.exactly(offset, _COUNT_BYTES), "little", signed=True)
        if count != storage.count:
            raise UnsafeCheckpoint(
                f"storage {storage.key} has {count} elements in the file, the pickle declares {storage.count}"
            )
        offset += _COUNT_BYTES + storage.size
    if offset > source.size:
        raise UnreadableCheckpoint(f"is truncated: {offset} bytes are declared, {source.size} are there")
    if offset < source.size:
        raise UnsafeCheckpoint(f"{source.size - offset} bytes follow the last storage")
