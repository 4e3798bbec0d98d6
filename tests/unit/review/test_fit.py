"""Pages fit: the least important is shortened first, and the page says so."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_models.review import review
from restoration_models.review.fit import Block, fitted
from support.layers import digest
from support.reviewed import Reviewed, entry

NOTE = "shortened"


def test_a_page_that_fits_is_left_alone() -> None:
    assert fitted([Block(("one",)), Block(("two", ""), 3, "x")], lambda kinds: NOTE) == "one\ntwo\n"


def test_the_highest_rank_goes_first_from_the_end_on() -> None:
    blocks = [
        Block(("top",)),
        Block(("a" * 600, "a"), 5, "pictures"),
        Block(("b" * 600, ""), 9, "texts"),
        Block(("c" * 600, ""), 9, "texts"),
        Block(("d" * 600, ""), 2, "tables"),
    ]
    seen: list[dict[str, int]] = []

    def note(kinds: dict[str, int]) -> str:
        seen.append(kinds)
        return NOTE

    text = fitted(blocks, note, limit=2300)

    assert text == f"top\n{'a' * 600}\n{'d' * 600}\n\n{NOTE}\n"
    assert seen[0] == {"texts": 2}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.text(max_size=300), min_size=1, max_size=3), st.integers(0, 9)), max_size=30
    ),
    st.integers(1500, 4000),
    st.integers(3000, 9000),
)
def test_whatever_the_blocks_the_page_fits(made: list[tuple[list[str], int]], limit: int, size: int) -> None:
    blocks = [Block(tuple(sorted(forms, key=len, reverse=True)), rank, "x") for forms, rank in made]
    text = fitted(blocks, lambda kinds: NOTE, limit=limit, size=size)

    assert len(text) <= limit
    assert len(text.encode()) <= size


@pytest.mark.parametrize(
    "words", ["A sentence of some length about a model. ", "\N{CJK UNIFIED IDEOGRAPH-6F22}😀"]
)
def test_a_branch_that_changes_eighty_models(repository: Reviewed, words: str) -> None:
    for number in range(80):
        slug = f"model-{number}"
        repository.layers["layer-1"][slug] = entry(
            slug,
            training_data=words * (3900 // len(words)),
            notes=[words * 50] * 3,
            sources=[f"https://example.org/{'a' * 200}/{slug}/{mirror}.pth" for mirror in range(5)],
            licence={"spdx": "CC-BY-NC-4.0", "commercial-use": "no"},
        )
    repository.settle()
    repository.commit()
    text = review(repository.project, base="main", images="https://github.com/team/models/raw")

    assert len(text) <= 60_000
    assert len(text.encode()) <= 120_000
    assert "✂️ **Página acortada** a 60000 caracteres; falta:" in text.splitlines()[-1]
    for number in range(80):  # every model is in the table, and its licence is flagged
        assert f"| `model-{number}` |" in text
        assert f"> - `model-{number}`: licencia `CC-BY-NC-4.0`" in text
    # The tables are cut before the first model's own rows go.
    assert f"`{digest('model-0')[:32]}`" in text


def test_a_branch_that_changes_everything(repository: Reviewed) -> None:
    """More than even the table can hold."""
    for number in range(300):
        slug = f"model-{number}-{'long' * 15}"
        repository.layers["layer-1"][slug] = entry(slug, licence={"spdx": "X" * 90, "commercial-use": "no"})
        repository.declared.add(slug)
    repository.settle()
    repository.commit()
    text = review(repository.project, base="main")

    assert len(text) <= 60_000
    assert "… y " in text
    assert "✂️" in text.splitlines()[-1]
