"""Texts for the cards as a command line gives them: one for both languages, or one for each."""

from __future__ import annotations

from collections.abc import Sequence

from restoration_models.errors import UsageProblem

LANGUAGES = ("es", "en")


class UnclearWords(UsageProblem):
    """Several texts, of which it cannot be told which is in which language."""

    def __init__(self, option: str) -> None:
        super().__init__(
            f"{option} was given texts that do not make one text, or one for each language",
            remedy=f'write {option} "a text", or {option} "es: un texto" {option} "en: a text"',
        )


def words(option: str, texts: Sequence[str] | None) -> str | dict[str, str] | None:
    """What the texts given to `option` say, as the catalogue has it; None for none.

    ``es: …`` and ``en: …`` are for that language, and come together; a text without such a
    beginning is for both. Raises `UnclearWords`.
    """
    if not texts:
        return None
    spoken = dict(_spoken(text) for text in texts)
    if len(texts) == 1 and "" in spoken and spoken[""]:
        return spoken[""]
    if len(texts) != len(LANGUAGES) or set(spoken) != set(LANGUAGES) or not all(spoken.values()):
        raise UnclearWords(option)
    return {language: spoken[language] for language in LANGUAGES}


def _spoken(text: str) -> tuple[str, str]:
    """Language ('' for both) and text."""
    head, colon, rest = text.partition(":")
    if colon and head.strip() in LANGUAGES:
        return head.strip(), rest.strip()
    return "", text.strip()
