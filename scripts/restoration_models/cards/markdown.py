"""Text that goes into Markdown without becoming Markdown.

Catalogue text is shown, never obeyed: whatever is not already `Markdown` is escaped where it is
inserted, so that forgetting to escape shows too many backslashes instead of running someone's HTML.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

LINK = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?"
    r"(?:[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?"
)
"""An address that may become a link: https, no user name, nothing that ends a link or a table cell."""

_IN_TEXT = re.compile(
    r"https://[A-Za-z0-9.-]*[A-Za-z0-9](?:[/?][A-Za-z0-9._~:/?@!$&'*+,;=%-]*[A-Za-z0-9/=])?"
)
"""An address amid words, without the punctuation that follows it."""

_SPECIAL = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;"}
    | {mark: f"\\{mark}" for mark in "`*[]~$"}
)
_AT_START = re.compile(r"[#+=-]|[0-9]{1,9}[.)](?= |$)")
_INNER_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Markdown(str):
    """Text that is Markdown already, made by this package."""

    __slots__ = ()


def escape(text: object, *, links: bool = True) -> Markdown:
    """Show `text` as it is, on one line; https addresses in it become links."""
    if isinstance(text, Markdown):
        return text
    line = one_line(str(text))
    parts: list[str] = []
    end = 0
    for match in _IN_TEXT.finditer(line) if links else ():
        parts += [_escape_words(line[end : match.start()]), f"<{match[0]}>"]
        end = match.end()
    parts.append(_escape_words(line[end:]))
    shown = "".join(parts)
    if start := _AT_START.match(shown):
        # At the start of a line these would begin a heading, a list or an underline.
        cut = start.end() - 1
        shown = f"{shown[:cut]}\\{shown[cut:]}"
    return Markdown(shown)


def code(text: object) -> Markdown:
    """Show `text` as code, on one line, in a paragraph as in a table's cell."""
    line = one_line(str(text))
    if not line:
        return Markdown("")
    if "`" in line or "|" in line:
        # Backticks need a longer fence and pipes end a cell; neither has one spelling for both places.
        return Markdown(f"<code>{_escape_words(line)}</code>")
    return Markdown(f"`{line}`")


def address(text: str) -> Markdown:
    """Show an address: a link where it is safe to follow, else code."""
    return Markdown(f"<{text}>") if LINK.fullmatch(text) else code(text)


def link(label: object, target: str) -> Markdown:
    """Link `label` to an https address; the label alone where `target` is none."""
    shown = escape(label, links=False)
    return Markdown(f"[{shown}](<{target}>)") if LINK.fullmatch(target) else shown


def link_file(label: object, path: str) -> Markdown:
    """Link `label` to a file of the repository, by its path from the card's folder."""
    return Markdown(f"[{escape(label, links=False)}]({quote(path)})")


def join(separator: str, parts: Iterable[object]) -> Markdown:
    """The parts, escaped where they are not Markdown, with a separator that is."""
    return Markdown(separator.join(escape(part) for part in parts))


def literal(value: object) -> Markdown:
    """`value` (text, number, boolean or a list of them) as a Python literal on one line of a code block."""
    if value is None or isinstance(value, bool):
        return Markdown(repr(value))
    if isinstance(value, list | tuple):
        return Markdown(f"[{', '.join(literal(item) for item in value)}]")
    # JSON's literals are Python's for ASCII; both spellings keep every line break out of the block.
    return Markdown(ascii(value) if isinstance(value, str) and not value.isascii() else json.dumps(value))


def one_line(text: str) -> str:
    """`text` with every run of white space as one space, and nothing unseen in it."""
    flat = " ".join(text.split())
    if flat.isprintable():  # nearly all of them, and this is fast
        return flat
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(ch) in _UNSEEN else ch for ch in flat)


@lru_cache(maxsize=4096)
def _escape_words(text: str) -> str:
    text = text.translate(_SPECIAL)
    kept = _INNER_UNDERSCORE.sub("\0", text)
    text = kept.replace("_", r"\_").replace("\0", "_")
    # Some renderers link bare addresses of any kind.
    text = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp):", r"\1&#58;", text)
    return re.sub(r"(?i)\bwww\.", "www&#46;", text)
