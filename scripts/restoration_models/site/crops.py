"""Where the parts of a sample picture lie: the page shows crops of the one locked file.

The picture is shown as it was locked, byte for byte, and the browser cuts it: nothing is decoded
here, so that the page is built where neither Pillow nor numpy is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PARTS = ("before", "after", "truth")
"""What lies side by side, from the left."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">I4sII")
_GAP, _CAPTION = 12, 20
"""Around the panels, and above them: as `testpage.proof` lays them out, and a test compares."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, in pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """How one kind of sample picture is laid out."""

    name: str
    width: int
    height: int
    panels: tuple[Box, ...]
    """The whole page: a box for each of `PARTS`."""
    details: tuple[Box, ...]
    """A part of it, enlarged."""


def _sheet(name: str, panel: tuple[int, int], detail: tuple[int, int]) -> Sheet:
    (wide, high), (across, down) = panel, detail
    columns = [_GAP + index * (wide + _GAP) for index in range(len(PARTS))]
    below = _CAPTION + high + _GAP
    return Sheet(
        name,
        width=columns[-1] + wide + _GAP,
        height=below + down + _GAP,
        panels=tuple(Box(left, _CAPTION, wide, high) for left in columns),
        details=tuple(Box(left + (wide - across) // 2, below, across, down) for left in columns),
    )


SHEETS = (_sheet("card", (256, 352), (255, 180)), _sheet("folio", (244, 356), (244, 150)))
"""Of the tasks that clean a page, and of unwarping."""


def sheet_of(content: bytes) -> Sheet | None:
    """The layout of a sample picture, known by its size; None for anything else."""
    if len(content) < len(_SIGNATURE) + _HEADER.size or not content.startswith(_SIGNATURE):
        return None
    _, kind, width, height = _HEADER.unpack_from(content, len(_SIGNATURE))
    found = (sheet for sheet in SHEETS if (sheet.width, sheet.height) == (width, height))
    return next(found, None) if kind == b"IHDR" else None
