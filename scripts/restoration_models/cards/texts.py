"""The fixed strings of the cards in one language."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

from restoration_models.cards.markdown import Markdown, escape

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML without libyaml reads the same, slowly
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

WORDS = Path(__file__).parent / "words.yaml"
"""Each string's name, and the string in every language."""


@lru_cache(maxsize=1)
def words() -> dict[str, dict[str, str]]:
    """The strings of all languages: name, language, string."""
    found: dict[str, dict[str, str]] = yaml.load(WORDS.read_text(encoding="utf-8"), Loader=_Loader)
    return found


class Texts:
    """The fixed strings in one language: ``t("section.what")``."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, name: str, /, **values: object) -> Markdown:
        """The string `name` with `values` filled in, escaped; raises KeyError for an unknown one."""
        text = words()[name][self.language]
        return Markdown(text.format_map({key: escape(value) for key, value in values.items()}))

    def count(self, name: str, count: int) -> Markdown:
        """The counted noun `name`: one, or several."""
        return self(f"{name}.one") if count == 1 else self(f"{name}.other", count=count)
