"""The fixed strings in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from restoration_models import cards
from restoration_models.cards.texts import WORDS, Texts, words
from restoration_models.lock import Reason, State
from restoration_models.sources import KINDS
from restoration_models.tasks import Task

PACKAGE = Path(cards.__file__).parent
SOURCES = "\n".join(
    path.read_text(encoding="utf-8").replace("'", '"')
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in (".py", ".j2")
)


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("name", words())
def test_every_string_is_there_in_both_languages_with_the_same_fields(name: str) -> None:
    found = words()[name]
    assert set(found) == {"es", "en"}
    assert all(
        isinstance(text, str) and text == text.strip("\n") and "\n" not in text for text in found.values()
    )
    assert fields(found["es"]) == fields(found["en"])


@pytest.mark.parametrize("name", words())
def test_every_string_is_used(name: str) -> None:
    stem, _, last = name.rpartition(".")
    in_full = f'"{name}"' in SOURCES or f'"{name.split(".", 1)[-1]}"' in SOURCES
    built = re.search(rf'"{re.escape(stem)}\.(\{{|" ~)', SOURCES) or f'"{stem}"' in SOURCES
    family = re.search(rf'f"{re.escape(name.split(".", maxsplit=1)[0])}\.\{{', SOURCES)
    assert in_full or built or family, last


def test_no_string_is_given_twice() -> None:
    names = re.findall(r"^([a-z].*):$", WORDS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) == len(set(names)) == len(words())


def test_everything_that_has_a_name_is_named() -> None:
    needed = [f"task.{task}" for task in Task] + [f"reason.{reason}" for reason in Reason]
    needed += [f"state.{state}" for state in State] + [f"kind.{kind.kind}" for kind in KINDS]
    needed += [f"{name}.{use}" for name in ("commercial", "licence") for use in ("yes", "no", "unclear")]
    assert set(needed) <= set(words())


def test_what_is_filled_in_is_escaped() -> None:
    assert Texts("en")("sample.alt", slug="*x*") == r"Test page: degraded input, output of \*x\* and truth"


def test_an_unknown_string_is_an_error() -> None:
    with pytest.raises(KeyError):
        Texts("en")("no.such")


@pytest.mark.parametrize(("count", "expected"), [(0, "0 modelos"), (1, "1 modelo"), (2, "2 modelos")])
def test_counted_nouns_agree(count: int, expected: str) -> None:
    assert Texts("es").count("models", count) == expected
