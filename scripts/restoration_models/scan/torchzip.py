"""The zip checkpoint of torch >= 1.6: one pickle, raw storages, and a few one-line members.

Raw tensor bytes cannot be told from anything else by looking at them, so a member may be
opaque only where the pickle names it as a storage of exactly its size, and torch therefore
reads it as numbers. Every other member must be known by name and have the content it should.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from restoration_models.scan import zips
from restoration_models.scan.allowlist import Allowed
from restoration_models.scan.limits import MAX_PICKLE_BYTES, MAX_SMALL_MEMBER
from restoration_models.scan.pickles import Pickle
from restoration_models.scan.probe import probe
from restoration_models.scan.source import Source, Window
from restoration_models.scan.verdicts import (
    SAVE_AGAIN,
    Container,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
)

_PICKLE: Final = "data.pkl"
_STORAGE: Final = re.compile(r"data/([0-9]{1,20})", re.ASCII)
_SMALL: Final = {
    # File format 1 to 10: what torch's reader supports.
    "version": re.compile(rb"([1-9]|10)\n?"),
    "byteorder": re.compile(rb"little|big"),
    ".format_version": re.compile(rb"[0-9]"),
    ".storage_alignment": re.compile(rb"[1-9][0-9]{0,6}"),
    ".data/serialization_id": re.compile(rb"[0-9]{1,64}"),
}


def scan_torch_zip(source: Source, allowed: Mapping[str, Allowed]) -> ScanReport:
    """Scan a zip checkpoint; raise `UnsafeCheckpoint` or `UnreadableCheckpoint`."""
    members = zips.read_members(source, _refuse_other_archives)
    root = members[0].name.partition("/")[0] + "/"
    by_name = {member.name.removeprefix(root): member for member in members}
    for member in members:
        if member.name != f"{root}{_PICKLE}":
            probe(source, member, allowed)
        if not member.name.startswith(root):
            raise UnsafeCheckpoint("the member lies outside the archive's only folder", member=member.shown)
    if _PICKLE not in by_name or "version" not in by_name:
        raise UnreadableCheckpoint(
            "is a zip archive but no torch checkpoint (it lacks data.pkl or version)",
            remedy="if a checkpoint lies inside, extract it and name that file",
        )
    for name, member in by_name.items():
        _check_member(source, name, member)
    pickle = _follow_pickle(source, by_name[_PICKLE], allowed)
    _match_storages(by_name, pickle)
    return ScanReport(
        container=Container.TORCH_ZIP,
        globals=tuple(sorted(pickle.globals)),
        members=len(members),
        tensors=pickle.ledger.tensors,
        size=source.size,
    )


def _refuse_other_archives(names: Sequence[str]) -> None:
    inner = [name.partition("/")[2] for name in names]
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise UnreadableCheckpoint(
            "is a TorchScript archive, which holds a program besides the weights",
            remedy="use the state dict that it was made from, or save that where the program is trusted",
        )
    if any(name.endswith(".npy") for name in names):
        raise UnreadableCheckpoint(
            "is a NumPy archive (.npz)",
            remedy="load it with allow_pickle=False and save the arrays as safetensors",
        )


def _check_member(source: Source, name: str, member: zips.Member) -> None:
    if name == _PICKLE:
        if member.size > MAX_PICKLE_BYTES:
            raise UnreadableCheckpoint(
                f"the pickle has {member.size} bytes; at most {MAX_PICKLE_BYTES} are read",
                member=member.shown,
                remedy=SAVE_AGAIN,
            )
    elif name in _SMALL:
        # At most a line, so this holds no more than what the pattern says.
        if member.size > MAX_SMALL_MEMBER or not _SMALL[name].fullmatch(
            source.exactly(member.offset, member.size)
        ):
            raise UnsafeCheckpoint(f"{name} does not hold what torch writes there", member=member.shown)
    elif not _STORAGE.fullmatch(name):
        raise UnsafeCheckpoint("the archive has a member that torch does not write", member=member.shown)
    zips.checked_content(source, member)


def _follow_pickle(source: Source, member: zips.Member, allowed: Mapping[str, Allowed]) -> Pickle:
    window = Window(source, member.offset, member.offset + member.size, member=member.shown)
    pickle = Pickle(window, member=member.shown, allowed=allowed)
    pickle.run()
    if window.left:
        raise UnsafeCheckpoint(
            f"{window.left} bytes follow the end of the pickle", member=member.shown, position=window.position
        )
    return pickle


def _match_storages(by_name: Mapping[str, zips.Member], pickle: Pickle) -> None:
    """Each storage has its member of exactly its size, and each raw member its storage."""
    storages = pickle.ledger.storages
    for name, member in by_name.items():
        found = _STORAGE.fullmatch(name)
        if found is None:
            continue
        storage = storages.get(found[1])
        if storage is None:
            raise UnsafeCheckpoint("no tensor of the checkpoint uses these raw bytes", member=member.shown)
        if storage.size != member.size:
            raise UnsafeCheckpoint(
                f"the pickle declares {storage.size} bytes for this storage, the member has {member.size}",
                member=member.shown,
            )
    missing = sorted(key for key in storages if f"data/{key}" not in by_name)
    if missing:
        raise UnreadableCheckpoint(
            f"{len(missing)} storages that the pickle names are not in the archive, first data/{missing[0]}"
        )
