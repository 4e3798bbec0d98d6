"""Pages fit: the least important is shortened first, and the page says so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_models.review import review
from restoration_models.review.fit import Block, Form, Piece, fitted
from support.layers import digest
from support.reviewed import Reviewed, entry

NOTE = "shortened"


def piece(*forms: tuple[int, str], name: str = "x", follows: bool = False) -> Piece:
    return Piece(tuple(Form(rank, text) for rank, text in forms), name, follows)


def test_a_page_that_fits_is_left_alone() -> None:
    blocks = [Block("one"), Block("two", (piece((1, "short"), (2, "three")),), "four"), Block(pieces=())]

    assert fitted(blocks, lambda kinds: NOTE) == "one\ntwo\nthree\nfour\n"


def test_the_lowest_rank_gets_room_first_wherever_it_stands() -> None:
    blocks = [
        Block("top"),
        Block(pieces=tuple(piece((9, letter * 600), name="texts") for letter in "ab")),
        Block(
            "list",
            tuple(
                piece((rank, letter * 600), name="rows") for rank, letter in ((5, "c"), (1, "d"), (5, "e"))
            ),
            "end",
            lambda count: f"and {count} more",
        ),
    ]
    seen: list[Mapping[str, int]] = []

    def note(kinds: Mapping[str, int]) -> str:
        seen.append(kinds)
        return NOTE

    text = fitted(blocks, note, limit=2300)

    assert text == f"top\nlist\n{'c' * 600}\n{'d' * 600}\nand 1 more\nend\n\n{NOTE}\n"
    assert seen == [{"texts": 2, "rows": 1}]


def test_a_page_is_filled_form_by_form() -> None:
    """What is too large for the room that is left leaves it to what comes after."""
    blocks = [
        Block(pieces=(piece((1, "a"), (3, "a" * 900), (5, "a" * 5000)), piece((2, "b"), (4, "b" * 90)))),
        Block(pieces=(piece((6, "c" * 100)),)),
    ]

    assert fitted(blocks, lambda kinds: str(dict(kinds)), limit=2150) == "\n".join(
        ["a" * 900, "b" * 90, "c" * 100, "", "{'x': 1}", ""]
    )


def test_what_follows_is_not_shown_without_what_it_follows() -> None:
    blocks = [Block(pieces=(piece((1, "a" * 5000)), piece((2, "picture"), follows=True), piece((2, "b"))))]

    assert fitted(blocks, lambda kinds: str(dict(kinds)), limit=2000) == "b\n\n{'x': 2}\n"


def test_what_has_no_room_is_not_made() -> None:
    made = []

    def make(number: int) -> str:
        made.append(number)
        return str(number) * 400

    pieces = tuple(Piece((Form(1, partial(make, 10 + number)),), "x") for number in range(1000))
    fitted([Block(pieces=pieces)], lambda kinds: NOTE, limit=3000)

    assert len(made) < 60


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.lists(st.text(max_size=300), min_size=1, max_size=3), st.integers(0, 9)), max_size=8
        ),
        max_size=6,
    ),
    st.integers(1500, 4000),
    st.integers(3000, 9000),
)
def test_whatever_the_blocks_the_page_fits(
    made: list[list[tuple[list[str], int]]], limit: int, size: int
) -> None:
    blocks = [
        Block(
            "head",
            tuple(
                piece(*((rank + step, text) for step, text in enumerate(sorted(forms, key=len))))
                for forms, rank in pieces
            ),
            "",
            lambda count: f"and {count} more",
        )
        for pieces in made
    ]
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
    assert "✂️ **Página acortada** para caber en 60000 caracteres; falta" in text.splitlines()[-1]
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
