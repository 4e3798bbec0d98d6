"""How new values are written into the params files: the house style, readable by every YAML version."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from restoration_models.catalogue import scalars

WIDTH = 110
"""Longer texts are folded; a word longer than this is not broken."""
QUOTED = frozenset({"file", "sha256", "md5", "commercial-use", "arxiv"})
"""Fields whose text stands between quotes, whatever it is."""
INLINE = frozenset({"expects"})
"""Mappings that stand on one line, between braces."""

_PLAIN = re.compile(r"[^\W\d_](?:[^\n\t:#]|:(?=\S)|(?<=\S)#)*")
_BRACKETS = re.compile(r"[\[\]{},:?&*!|>'\"%@`]")


def block(key: str, value: Any, indent: int) -> str:
    """`key` with `value` as lines of a block mapping, `indent` spaces in, without the last line's end."""
    pad, name = " " * indent, scalar(key)
    if isinstance(value, Mapping) and value and key not in INLINE:
        inner = "\n".join(block(one, item, indent + 2) for one, item in value.items())
        return f"{pad}{name}:\n{inner}"
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        items = "\n".join(f"{pad}  - {inline(item, bracketed=False)}" for item in value)
        return f"{pad}{name}:\n{items}"
    if isinstance(value, str) and key not in QUOTED and (folded := _folded(value, indent + 2, len(name))):
        return f"{pad}{name}: {folded}"
    return f"{pad}{name}: {inline(value, quoted=key in QUOTED, bracketed=False)}"


def inline(value: Any, *, quoted: bool = False, bracketed: bool = True) -> str:
    """`value` on one line; `bracketed` says that it stands between brackets or braces."""
    if isinstance(value, Mapping):
        pairs = (f"{scalar(key)}: {inline(item, quoted=key in QUOTED)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str):
        return _quote(value) if quoted else scalar(value, bracketed=bracketed)
    if isinstance(value, Sequence):
        return f"[{', '.join(inline(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Never with an exponent: YAML versions disagree on those.
        text = f"{Decimal(repr(value)):f}"
        return text if "." in text else f"{text}.0"
    return str(value)


def scalar(text: str, *, bracketed: bool = False) -> str:
    """`text` plain where every reader takes it as this text, else between quotes."""
    if not _PLAIN.fullmatch(text) or text != text.strip() or (bracketed and _BRACKETS.search(text)):
        return _quote(text)
    try:
        return text if scalars.meaning(text) == text else _quote(text)
    except scalars.Unclear:
        return _quote(text)


def _quote(text: str) -> str:
    # A JSON string is a double-quoted YAML scalar.
    return json.dumps(text, ensure_ascii=False)


def _folded(text: str, indent: int, key: int) -> str | None:
    """`text` over several lines; None where it fits on one, or where folding would change it."""
    if len(text) + indent + key <= WIDTH or text != " ".join(text.split()):
        return None
    lines = textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return ">-\n" + "\n".join(" " * indent + line for line in lines) if len(lines) > 1 else None
