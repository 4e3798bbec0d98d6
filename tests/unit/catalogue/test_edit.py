"""Edits of params files: what was meant changes, every other byte stays."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.catalogue import edit, layout, scalars
from support.layers import REPOSITORY

TEXT = """\
# yaml-language-server: $schema=x
title: {es: "Capa: ñ", en: 'A layer'}   # aligned
models:
  # The first:
  # it has two lines.
  one:
    family: a  # kept
    file: "1.pth"
    description:
      es: >-
        Una
        frase
      en: Words

  two:
    family: b
    expects: {architecture: X, input-channels: 3}
    # a last remark

  # of nobody

  three:
    family: c
    sources:
    - https://example.com/x

# The end.
"""
ENTRY: dict[str, Any] = {
    "family": "a",
    "description": {"es": "Una: frase", "en": "no"},
    "file": "12.pth",
    "size": 12,
    "sha256": "1" * 64,
    "sources": ["https://example.com/a?b=c", "pypi:a==1/b"],
    "expects": {"architecture": "X", "min-gain-db": -1e-7, "allow-globals": ["a.b"]},
    "training-data": " ".join(["many words: and more"] * 20),
    "licence": {"spdx": "MIT", "commercial-use": "no", "note": "a # b"},
}


def changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came."""
    lines = list(difflib.ndiff(before.split("\n"), after.split("\n")))
    return [one[2:] for one in lines if one[0] == "-"], [one[2:] for one in lines if one[0] == "+"]


def data(text: str) -> Any:
    return yaml.load(text, Loader=scalars.Loader)  # noqa: S506 - a safe one


def test_an_entry_comes_last_in_the_house_style() -> None:
    after = edit.put(TEXT, ("models", "four"), ENTRY)

    gone, came = changed(TEXT, after)
    assert gone == []
    assert data(after)["models"]["four"] == ENTRY
    assert "\n".join(came).strip("\n") == (
        "  four:\n    family: a\n    description:\n"
        '      es: "Una: frase"\n      en: "no"\n'
        f'    file: "12.pth"\n    size: 12\n    sha256: "{"1" * 64}"\n'
        "    sources:\n      - https://example.com/a?b=c\n      - pypi:a==1/b\n"
        "    expects: {architecture: X, min-gain-db: -0.0000001, allow-globals: [a.b]}\n"
        "    training-data: >-\n"
        + "\n".join(f"      {line}" for line in _wrapped(ENTRY["training-data"]))
        + '\n    licence:\n      spdx: MIT\n      commercial-use: "no"\n      note: "a # b"'
    )
    assert after.endswith('note: "a # b"\n\n# The end.\n')


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) > layout.WIDTH - 6:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@pytest.mark.parametrize("slug", ["one", "two", "three"])
def test_what_is_put_and_removed_again_leaves_no_trace(slug: str) -> None:
    """Removing takes the entry, the comment right above it, and one gap; and nothing else."""
    after = edit.remove(TEXT, ("models", slug))

    gone, came = changed(TEXT, after)
    assert came == []
    wanted = {"one": 11, "two": 5, "three": 5}[slug]
    assert len(gone) == wanted
    assert "  # of nobody" in after
    assert ("# The first" in after) == (slug != "one")
    assert ("# a last remark" in after) == (slug != "two")
    assert edit.remove(edit.put(after, ("models", "new"), ENTRY), ("models", "new")) == after


def test_the_last_entry_leaves_an_empty_map_that_takes_one_again() -> None:
    text = "models:  # mine: all\n  # first\n  one:\n    size: 1\n\npublish: x\n"
    empty = edit.remove(text, ("models", "one"))
    assert empty == "models: {}  # mine: all\n\npublish: x\n"
    assert edit.put(empty, ("models", "one"), {"size": 1}) == (
        "models:  # mine: all\n  one:\n    size: 1\n\npublish: x\n"
    )
    assert edit.put("models: {}\n", ("models", "one"), {"size": 1}) == "models:\n  one:\n    size: 1\n"
    assert edit.put("models: {}", ("models", "one"), {"size": 1}) == "models:\n  one:\n    size: 1\n"


def test_a_field_is_put_at_the_end_of_its_entry_or_in_its_place() -> None:
    after = edit.put(TEXT, ("models", "two", "withdrawn"), {"es": "Mal", "en": "Bad"})
    assert changed(TEXT, after) == ([], ["    withdrawn:", "      es: Mal", "      en: Bad"])
    again = edit.put(after, ("models", "two", "withdrawn"), "Worse")
    assert changed(after, again) == (
        ["    withdrawn:", "      es: Mal", "      en: Bad"],
        ["    withdrawn: Worse"],
    )
    assert edit.remove(again, ("models", "two", "withdrawn")) == TEXT
    deep = edit.put(TEXT, ("models", "two", "expects", "wrapper-key"), "params")
    assert "    expects: {architecture: X, input-channels: 3, wrapper-key: params}\n" in deep
    assert edit.remove(deep, ("models", "two", "expects", "wrapper-key")) == TEXT


def test_a_rename_touches_the_name_alone() -> None:
    after = edit.rename(TEXT, ("models", "two"), "zwei")
    assert changed(TEXT, after) == (["  two:"], ["  zwei:"])
    assert edit.rename('{"models": {"a": 1}}', ("models", "a"), "b") == '{"models": {"b": 1}}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("layers: [a, b]      # in order\n", "layers: [a, b, c]   # in order\n"),
        ("layers: [a, b]   # in order\n", "layers: [a, b, c]  # in order\n"),
        ("layers: [a, b] # in order\n", "layers: [a, b, c] # in order\n"),
        ("layers:\n- a\n- b  # last\nx: 1\n", "layers:\n- a\n- b  # last\n- c\nx: 1\n"),
        ('{"layers": ["a"]}', '{"layers": ["a", c]}'),
    ],
)
def test_an_item_is_added_to_a_list(before: str, after: str) -> None:
    assert edit.append(before, ("layers",), "c") == after


def test_json_is_edited_as_json() -> None:
    text = '{"title": "t", "models": {"a": {"size": 1}, "b": {"size": 2}}}\n'
    assert data(edit.put(text, ("models", "c"), ENTRY))["models"]["c"] == ENTRY
    assert edit.remove(text, ("models", "a")) == '{"title": "t", "models": {"b": {"size": 2}}}\n'
    assert edit.remove(text, ("models", "b")) == '{"title": "t", "models": {"a": {"size": 1}}}\n'
    one = '{"models": {"a": 1}}'
    assert edit.remove(one, ("models", "a")) == '{"models": {}}'
    assert edit.put('{"models": {}}', ("models", "a"), {"x": 1}) == '{"models": {a: {x: 1}}}'


def test_windows_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    after = edit.put(text, ("models", "four"), ENTRY)
    assert after.count("\n") == after.count("\r\n")
    assert edit.remove(after, ("models", "four")) == text


@pytest.mark.parametrize("layer", ["layer-1", "layer-2"])
def test_the_real_catalogue(layer: str) -> None:
    """Every entry can be taken out, and a new one put in, with nothing else changed."""
    text = REPOSITORY.layer_catalogue(layer).read_text(encoding="utf-8")
    for slug in data(text)["models"]:
        gone, came = changed(text, edit.remove(text, ("models", slug)))
        assert came == []
        assert [line for line in gone if line == f"  {slug}:"]
    after = edit.put(text, ("models", "four"), ENTRY)
    assert after.startswith(text)
    assert after[len(text) :].startswith("\n  four:\n")


def test_what_cannot_be_edited_is_said_and_nothing_is_lost() -> None:
    with pytest.raises(edit.CannotEdit) as caught:
        edit.remove(TEXT, ("models", "nine"))
    assert str(caught.value) == (
        "models.nine: there is nothing here; nothing was changed; edit the file by hand"
    )


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf")), min_size=1, max_size=200))
def test_any_text_is_written_as_what_it_says(text: str) -> None:
    """Whatever a description says, both YAML versions read it back."""
    import ruamel.yaml

    for put in ("description", "sha256"):
        written = edit.put("models:\n  a:\n    x: 1\n", ("models", "a", put), text)
        assert data(written)["models"]["a"][put] == text
        assert ruamel.yaml.YAML(typ="safe").load(written)["models"]["a"][put] == text
    flow = edit.put("{models: {a: {x: 1}}}", ("models", "a", "b"), text)
    assert ruamel.yaml.YAML(typ="safe").load(flow)["models"]["a"]["b"] == text


BRACES = """\
models: {
  # above a
  a: {size: 1},  # behind a
  # above b
  b: {size: 2},   # behind b
  # above c
  c: {size: 3}  # behind c
}
x: 1
"""


@pytest.mark.parametrize("slug", ["a", "b", "c"])
def test_a_pair_in_braces_goes_with_its_own_comments_alone(slug: str) -> None:
    gone, came = changed(BRACES, edit.remove(BRACES, ("models", slug)))

    assert came == []
    assert len(gone) == 2
    assert all(slug in line for line in gone)


@pytest.mark.parametrize(
    ("slug", "after"),
    [
        ("a", "{\n  # above b\n  b: 2, c: 3,  # of two\n  d: 4}\n"),
        ("b", "{a: 1,  # behind a\n  # above b\n  c: 3,  # of two\n  d: 4}\n"),
        ("c", "{a: 1,  # behind a\n  # above b\n  b: 2,  # of two\n  d: 4}\n"),
        ("d", "{a: 1,  # behind a\n  # above b\n  b: 2, c: 3,  # of two\n  }\n"),
    ],
)
def test_pairs_in_braces_that_share_lines(slug: str, after: str) -> None:
    text = "{a: 1,  # behind a\n  # above b\n  b: 2, c: 3,  # of two\n  d: 4}\n"

    assert edit.remove(f"models: {text}", ("models", slug)) == f"models: {after}"


@pytest.mark.parametrize("slug", ["b", "c"])
def test_commas_behind_comments_are_left_to_a_person(slug: str) -> None:
    with pytest.raises(edit.CannotEdit, match="a comment stands before a comma"):
        edit.remove("models: {a: 1\n  , b: 2  # x\n  , c: 3}\n", ("models", slug))


@pytest.mark.parametrize("odd", range(8))
def test_mixed_line_ends_stay_as_they_are(odd: int) -> None:
    """One line that ends in another way says nothing about the others."""
    plain = ["# a", "models:", "  one: 1", "  two:", "    size: 2", "    file: x", "  three: 3", "x: 1"]
    for usual, other in (("\n", "\r\n"), ("\r\n", "\n")):
        ends = [other if number == odd else usual for number in range(8)]
        lines = [line + end for line, end in zip(plain, ends, strict=True)]
        text = "".join(lines)

        assert edit.remove(text, ("models", "two")) == "".join(lines[:3] + lines[6:])
        assert edit.put(text, ("models", "four"), 4) == "".join(lines[:7]) + f"  four: 4{usual}" + lines[7]
        assert edit.put(text, ("models", "one"), 5) == text.replace("one: 1", "one: 5")
