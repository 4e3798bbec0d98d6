"""A plain PNG writer: the same picture data from the same pixels, no metadata."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int16]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _filtered(pixels: Rows) -> list[tuple[int, Rows]]:
    """Return the whole picture under PNG's filters 0 (none), 1 (left) and 4 (Paeth)."""
    left = np.pad(pixels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    above = np.pad(pixels, ((1, 0), (0, 0), (0, 0)))[:-1]
    corner = np.pad(pixels, ((1, 0), (1, 0), (0, 0)))[:-1, :-1]
    guess = left + above - corner
    by_left, by_above, by_corner = (np.abs(guess - k) for k in (left, above, corner))
    nearest = np.where(
        (by_left <= by_above) & (by_left <= by_corner), left, np.where(by_above <= by_corner, above, corner)
    )
    return [(0, pixels), (1, pixels - left), (4, pixels - nearest)]


def encoded(picture: NDArray[np.uint8]) -> bytes:
    """Return an RGB picture (H, W, 3) as PNG, stored as grey where all its channels are equal.

    The smallest of three filters is kept.
    """
    grey = bool((picture == picture[:, :, :1]).all())
    pixels = (picture[:, :, :1] if grey else picture).astype(np.int16)
    height, width, _ = pixels.shape

    def compressed(filtered: tuple[int, Rows]) -> bytes:
        kind, values = filtered
        rows = (values & 255).astype(np.uint8).reshape(height, -1)
        return zlib.compress(np.pad(rows, ((0, 0), (1, 0)), constant_values=kind).tobytes(), 9)

    # zlib lets other threads run.
    with ThreadPoolExecutor(3, "png") as pool:
        streams = list(pool.map(compressed, _filtered(pixels)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    data = min(streams, key=len)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
