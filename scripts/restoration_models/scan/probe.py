"""Looks into bytes that are no pickle by their place, for one in disguise."""

from __future__ import annotations

from collections.abc import Mapping

from restoration_models.scan.allowlist import Allowed
from restoration_models.scan.limits import PROBE_BYTES, PROBE_OPCODES
from restoration_models.scan.pickles import Pickle
from restoration_models.scan.signatures import recognised
from restoration_models.scan.source import Source, Window
from restoration_models.scan.verdicts import UnreadableCheckpoint, UnsafeCheckpoint
from restoration_models.scan.zips import Member


def probe(source: Source, member: Member, allowed: Mapping[str, Allowed]) -> None:
    """Raise `UnsafeCheckpoint` where the member is a pickle with imports, or an archive.

    Made so that tensor data does not look suspicious by chance: a lone first byte proves
    nothing, a resolved import or a signature of four bytes does.
    """
    refuse_pickle(source, member.offset, member.size, member.shown, allowed)
    kind = recognised(source.read(member.offset, min(member.size, 512)), certain=True)
    if kind is not None:
        raise UnsafeCheckpoint(f"the member is {kind.what}", member=member.shown)


def refuse_pickle(
    source: Source, offset: int, size: int, member: str, allowed: Mapping[str, Allowed]
) -> None:
    """Raise `UnsafeCheckpoint` where a pickle begins at `offset` and imports anything."""
    window = Window(source, offset, offset + min(size, PROBE_BYTES), member=member)
    pickle = Pickle(window, member=member, allowed=allowed, max_opcodes=PROBE_OPCODES)
    try:
        pickle.run()
    except UnsafeCheckpoint as error:
        if error.global_name:
            raise
    except UnreadableCheckpoint:
        pass
    if pickle.globals:
        raise UnsafeCheckpoint("a pickle stands where none belongs", member=member)
