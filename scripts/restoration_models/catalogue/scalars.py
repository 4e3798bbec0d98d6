"""What a plain (unquoted) YAML scalar means, where all readers agree on it.

The params files are read by DVC (YAML 1.2, ruamel) and by everything else (YAML 1.1, PyYAML).
The two agree on most scalars; the others must be written between quotes.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import yaml

Loader: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, or where PyYAML was built without it the one that reads the same, slowly."""

YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""Words that one YAML version or another reads as something else than text."""

_SHOWN = 40
QUOTE = "put it between quotes"

_MAY_MEAN_MORE = re.compile(r"[-+.0-9~<=!]|(?i:y|n|yes|no|on|off|true|false|null)\Z|\Z")
"""How a scalar begins that some version may read as something else than text."""
_NUMBER = re.compile(r"(?:-?[1-9][0-9]{0,14}|0|-?(?:[1-9][0-9]{0,14}|0)\.[0-9]{1,40})\Z")
"""Numbers that every version reads alike; others are looked at one by one."""
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


class Unclear(Exception):
    """The scalar has no single meaning that a catalogue can hold."""

    def __init__(self, what: str, remedy: str = QUOTE) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def hidden(text: str) -> str | None:
    """The first character of `text` that is not shown or turns the writing around, as ``U+202E``."""
    found = _HIDDEN.search(text)
    return f"U+{ord(found.group()):04X}" if found else None


def meaning(text: str) -> str | int | float | bool | None:
    """What the plain scalar `text` means; raises `Unclear` where readers differ or it is no plain value."""
    if not _MAY_MEAN_MORE.match(text):
        return text
    if _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    first, second = _readings(text)
    quoted = shown(text)
    if type(first) is not type(second) or repr(first) != repr(second):
        raise Unclear(f"{quoted} is read as {first!r} by one YAML version and as {second!r} by another")
    if isinstance(first, _Unreadable):
        raise Unclear(f"{quoted} is read by no YAML version")
    if first is not None and not isinstance(first, str | int | float | bool):
        raise Unclear(f"{quoted} is read as a {type(first).__name__}")
    if isinstance(first, float) and not math.isfinite(first):
        raise Unclear(f"{quoted} is no finite number", "write a number")
    return first


def shown(text: str) -> str:
    """`text` as messages quote it."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


class _Unreadable:
    def __repr__(self) -> str:
        return "an error"


@lru_cache(maxsize=4096)
def _readings(text: str) -> tuple[Any, Any]:
    """How YAML 1.1 (PyYAML) and YAML 1.2 (ruamel, as DVC calls it) read the scalar as a mapping's value."""
    import ruamel.yaml

    line = f"key: {text}\n"
    first: Any
    second: Any
    try:
        first = yaml.load(line, Loader=Loader)["key"]  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, OverflowError):
        first = _Unreadable()
    try:
        second = ruamel.yaml.YAML(typ="safe").load(line)["key"]
    except (ruamel.yaml.error.YAMLError, ValueError, OverflowError):
        second = _Unreadable()
    return first, second
