"""The most of everything that a checkpoint may hold: what lies above is refused, unread.

Ordinary checkpoints stay far below: the largest catalogued ones have about 500 tensors, a
pickle of 80 kB and 25 000 opcodes; scanning one takes a few MB and some hundredths of a second,
and reading its bytes once. The limits bound what a hostile file can cost: about 200 MB and two
seconds (measured with the worst files that its author could think of), whatever it says about itself.
"""

from __future__ import annotations

from typing import Final

CHUNK: Final = 1 << 20
"""Bytes read at a time when a member is only summed."""

MAX_PICKLE_BYTES: Final = 16 << 20
"""Length of one pickle; about 100 000 tensors."""

MAX_OPCODES: Final = 500_000
"""Opcodes of one pickle; a tensor takes about 45."""

MAX_STRING: Final = 1 << 20
"""Length of one string in a pickle."""

MAX_LINE: Final = 512
"""Length of one line argument (a module or a name) in a pickle."""

MAX_LONG: Final = 32
"""Bytes of one long integer in a pickle."""

MAX_MEMO: Final = MAX_OPCODES
"""Highest memo index: the C unpickler allocates a table as long as the index."""

MAX_DEPTH: Final = 64
"""Nesting of containers, and of open marks."""

MAX_NUMBERED: Final = 20_000
"""Entries of dicts under whole numbers, in one pickle; the state of an optimiser has one a parameter."""

MAX_NUMBER_KEY: Final = 1 << 32
"""How far from 0 a whole number that is a dict key may lie. Python hashes a number to itself, modulo
2^61 - 1: larger keys can be made to collide, and a dict of n such keys takes n * n steps. Smaller
ones can still be made to crowd, which their number bounds."""

MAX_ARGUMENTS: Final = 16
"""Arguments of one call."""

MAX_DIMENSIONS: Final = 16
"""Dimensions of one tensor."""

MAX_SHARING: Final = 64
"""Bytes of all tensors over bytes of all storages: views of views must not add up to a bomb."""

MAX_MEMBERS: Final = 20_000
"""Members of a zip archive, storages of a legacy file, tensors of a safetensors file."""

MAX_DIRECTORY: Final = 8 << 20
"""Bytes of a zip archive's central directory."""

MAX_NAME: Final = 255
"""Bytes of one member's name."""

MAX_SMALL_MEMBER: Final = 128
"""Bytes of a member that holds one short text (version, byteorder and the like)."""

MAX_HEADER: Final = 8 << 20
"""Bytes of a safetensors header. The library itself reads up to 100 MB; JSON of that size
takes gigabytes once parsed, and 8 MiB describe more tensors than MAX_MEMBERS."""

MAX_HEADER_VALUES: Final = 500_000
"""Values in it. MAX_MEMBERS tensors of MAX_DIMENSIONS dimensions have 440 000."""

MAX_HEADER_DEPTH: Final = 3
"""Nesting in it: the table of tensors, a tensor, its shape."""

PROBE_BYTES: Final = 1 << 16
PROBE_OPCODES: Final = 4096
"""How far raw tensor data and strange members are looked into for a pickle in disguise."""
