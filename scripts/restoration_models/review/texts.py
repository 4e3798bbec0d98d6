"""The fixed strings of a review: its own, and the cards' for what both name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import yaml

from restoration_models.cards import texts as cards
from restoration_models.cards.markdown import Markdown, code, escape, join, one_line

WORDS = Path(__file__).parent / "words.yaml"
_MENTION = re.compile(r"@(?=[A-Za-z0-9])|(?<!&)#(?=[0-9])|\bGH-(?=[0-9])", re.IGNORECASE)
LONGEST = 300
"""Characters of one value; the rest is in the diff."""
NAMES = 12
"""Of a list; the rest are counted."""
NAME = 100
"""Characters of one of them."""


@lru_cache(maxsize=1)
def words() -> dict[str, dict[str, str]]:
    """The strings of all languages: name, language, string."""
    own: dict[str, dict[str, str]] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return own


class Texts(cards.Texts):
    """The fixed strings in one language."""

    def __call__(self, name: str, /, **values: object) -> Markdown:
        """The string `name` with `values` filled in, escaped; raises KeyError for an unknown one."""
        if name not in words():
            return super().__call__(name, **values)
        text = words()[name][self.language]
        return Markdown(text.format_map({key: shown(value) for key, value in values.items()}))


def clipped(text: str, longest: int = LONGEST) -> str:
    """`text` on one line, its end left out where it is long."""
    flat = one_line(text)
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def codes(names: Sequence[str], t: Texts, separator: str = ", ") -> Markdown:
    """Names as code; of very many the first, and how many more there are."""
    rest = [t("more", count=len(names) - NAMES)] if len(names) > NAMES else []
    return join(separator, [*(code(clipped(name, NAME)) for name in names[:NAMES]), *rest])


def prose(text: str) -> Markdown:
    """A sentence in which backticks set off commands."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return shown(text)
    spaced = [
        code(clipped(part)) if index % 2 else _spaced(part, shown(part)) for index, part in enumerate(parts)
    ]
    return Markdown("".join(spaced))


def _spaced(text: str, plain: Markdown) -> Markdown:
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return Markdown(f"{before}{plain}{after}")


def shown(text: object, longest: int = LONGEST) -> Markdown:
    """`text` as it is, on one line: no markup, no link, nobody notified and no issue referred to."""
    if isinstance(text, Markdown):
        return text
    plain = escape(clipped(str(text), longest), links=False)
    # An empty comment parts the sign from the name: the page looks the same.
    return Markdown(_MENTION.sub(r"\g<0><!-- -->", plain))
