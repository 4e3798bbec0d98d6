"""Plain scalars: those that YAML 1.1 and 1.2 read alike are taken, the others named."""

from __future__ import annotations

import pytest

from restoration_models.catalogue import scalars


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Restormer", "Restormer"),
        ("https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("10.1145/3610548.3618174", "10.1145/3610548.3618174"),
        ("4cae18be", "4cae18be"),
        ("ñandú", "ñandú"),
        ("nothing", "nothing"),
        ("onward", "onward"),
        ("nULL", "nULL"),
        ("---", "---"),
        ("0", 0),
        ("12", 12),
        ("-12", -12),
        ("104611957", 104611957),
        ("0.9225", 0.9225),
        ("40.0", 40.0),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("+12", 12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("Null", None),
    ],
)
def test_read_alike(text: str, expected: object) -> None:
    found = scalars.meaning(text)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("on", "'on' is read as True by one YAML version and as 'on' by another"),
        ("No", "'No' is read as False by one YAML version and as 'No' by another"),
        ("012", "'012' is read as 10 by one YAML version and as 12 by another"),
        ("09", "'09' is read as '09' by one YAML version and as 9 by another"),
        ("0o14", "'0o14' is read as '0o14' by one YAML version and as 12 by another"),
        ("1:20", "'1:20' is read as 80 by one YAML version and as '1:20' by another"),
        ("12e12", "'12e12' is read as '12e12' by one YAML version and as 12000000000000.0 by another"),
        ("1.5e3", "'1.5e3' is read as '1.5e3' by one YAML version and as 1500.0 by another"),
        ("1e3", "'1e3' is read as '1e3' by one YAML version and as 1000.0 by another"),
        ("=", "'=' is read by no YAML version"),
        ("2020-13-45", "'2020-13-45' is read by no YAML version"),
        ("2026-11-23", "'2026-11-23' is read as a date"),
        ("2026-11-23 10:00:00", "'2026-11-23 10:00:00' is read as a datetime"),
        (".inf", "'.inf' is no finite number"),
        ("-.INF", "'-.INF' is no finite number"),
        (".nan", "'.nan' is no finite number"),
        ("9" * 5000, f"'{'9' * 39}…' is read by no YAML version"),
    ],
)
def test_unclear(text: str, what: str) -> None:
    with pytest.raises(scalars.Unclear) as caught:
        scalars.meaning(text)
    assert caught.value.what == what


@pytest.mark.parametrize(
    "character",
    ["\0", "\x1b", "\r", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\u2028", "\ufeff", "\U000e0041"],
)
def test_hidden(character: str) -> None:
    assert scalars.hidden(f"a{character}b") == f"U+{ord(character):04X}"


@pytest.mark.parametrize("text", ["", "a\tb\nc", "ñ «é» — 中文 😀", "a\u00a0b"])
def test_not_hidden(text: str) -> None:
    assert scalars.hidden(text) is None
