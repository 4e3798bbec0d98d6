"""Figures as a card shows them."""

from __future__ import annotations

import pytest

from restoration_models.cards.figures import number, short, signed, size


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
        (32_158_393, "32.2 MB"), (5_000_000_000, "5.0 GB"), (2_500_000_000_000_000, "2500.0 TB"),
    ],
)  # fmt: skip
def test_bytes_are_shown_in_decimal_units(count: int, expected: str) -> None:
    assert size(count) == expected


@pytest.mark.parametrize(("count", "expected"), [(12, "12"), (1500, "1.5 k"), (26_126_644, "26.1 M")])
def test_counts_are_shortened(count: int, expected: str) -> None:
    assert short(count) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (33.7103, "33.7103"),
        (40.3, "40.3"),
        (30.0, "30"),
        (0.0251, "0.0251"),
        (25, "25"),
        (100, "100"),
        (1e-5, "0.00001"),
    ],
)
def test_numbers_keep_the_digits_they_were_stated_with(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7.67, "+7.67"), (-0.1, "\N{MINUS SIGN}0.10"), (0.0, "0.00"), (-0.001, "0.00"), (0.004, "0.00")],
)
def test_changes_carry_their_sign(value: float, expected: str) -> None:
    assert signed(value, 2) == expected
