"""Text goes into Markdown as it is and does nothing there."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from restoration_models.cards.markdown import (
    Markdown,
    address,
    code,
    escape,
    join,
    link,
    link_file,
    literal,
    one_line,
)

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HARMLESS = {"text", "softbreak", "text_special"}

nasty = st.text(
    st.one_of(st.sampled_from("`*_[](){}<>|\\!#-+=~&;:/.'\"$ \n\t1)x@"), st.characters(codec="utf-8")),
    max_size=40,
)
fragments = st.lists(
    st.sampled_from(
        [
            "<script>", "</code>", "<!--", "-->", "&lt;", "&#124;", "**", "__", "a_b", "[x](y)", "![", "](",
            "```", "`", "| a | b |", "\n\n# h", "\n---\n", "1. ", "1) ", "- ", "> ", "https://a.b/c", "http://a.b",
            "javascript:x", "www.a.b",
            "{{ x }}", "{% x %}", "\\", "\\|", "~~", "$$", "x", " ", "<https://a.b>", "=====",
        ]
    ),
    max_size=8,
).map("".join)  # fmt: skip
texts = st.one_of(nasty, fragments)


def inline(markdown: str) -> list[Token]:
    """What a paragraph holds; fails where it is no paragraph."""
    tokens = PARSER.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], tokens
    return tokens[1].children or []


def cell(markdown: str) -> list[Token]:
    """What the middle one of three cells holds; fails where there are more or fewer."""
    tokens = PARSER.parse(f"| a | b | c |\n|---|---|---|\n| x | {markdown} | z |\n\nafter\n")
    cells = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 3
    assert (cells[0].content, cells[2].content) == ("x", "z")
    assert tokens[-2].content == "after"
    return cells[1].children or []


def shown(tokens: list[Token]) -> str:
    """The text that a reader sees; fails on anything but text and https links."""
    text = ""
    for token in tokens:
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith("https://")
        elif token.type != "link_close":
            assert token.type in HARMLESS, token
            text += token.content
    return text


@pytest.mark.parametrize("place", [inline, cell])
@given(text=texts)
def test_any_text_is_shown_as_it_is(place: Callable[[str], list[Token]], text: str) -> None:
    expected = one_line(text)
    if expected:
        assert shown(place(escape(text))) == expected
    else:
        assert escape(text) == ""


@given(text=texts)
def test_any_text_in_a_list_stays_in_its_item(text: str) -> None:
    tokens = PARSER.parse(f"- **x:** {escape(text)}\n- y\n")
    assert [token.type for token in tokens].count("list_item_open") == 2
    assert sum(token.type == "inline" for token in tokens) == 2


@pytest.mark.parametrize("place", [inline, cell])
@given(text=texts)
def test_any_text_as_code_is_shown_as_it_is(place: Callable[[str], list[Token]], text: str) -> None:
    expected = one_line(text)
    if not expected:
        assert code(text) == ""
        return
    tokens = place(code(text))
    if tokens[0].type == "code_inline":
        assert [token.content for token in tokens] == [expected]
    else:
        assert (tokens[0].content, tokens[-1].content) == ("<code>", "</code>")
        assert shown(tokens[1:-1]) == expected


@given(label=texts, target=texts)
def test_a_link_goes_to_https_or_nowhere(label: str, target: str) -> None:
    tokens = inline(f"x{link(label, target)}")
    opened = [token for token in tokens if token.type == "link_open"]
    assert len(opened) <= 1
    assert shown(tokens) == "x" + one_line(label)


@given(text=texts)
def test_an_address_is_a_link_or_code(text: str) -> None:
    kinds = {token.type for token in inline(f"x {address(text)}")}
    assert kinds <= {"text", "link_open", "link_close"} or kinds <= {
        "text",
        "code_inline",
        "html_inline",
        "text_special",
    }


@pytest.mark.parametrize(
    "target",
    [
        "http://a.b/c", "javascript:alert(1)", "https://u@a.b/", "https://u:p@a.b/", "https://",
        "https://a.b/<x>", "https://a.b/ c", "https://a.b/|", "https://a.b/\nc", "HTTPS://a.b",
        "ftp://a.b", "//a.b", "https://a.b/[x]", "",
    ],
)  # fmt: skip
def test_an_unsafe_address_is_never_a_link(target: str) -> None:
    assert "<" + target + ">" not in address(target)
    assert link("x", target) == "x"


def test_an_https_address_amid_words_is_a_link_without_its_punctuation() -> None:
    assert (
        escape("see https://a.b/c_d?e=f (sha256), https://g.h.")
        == "see <https://a.b/c_d?e=f> (sha256), <https://g.h>."
    )


def test_addresses_of_other_kinds_are_not_linked_by_renderers_that_link_bare_ones() -> None:
    for text in ("http://a.b", "www.a.b", "HTTP://A.B", "mailto:a@b.c"):
        assert text not in escape(text)
        assert shown(inline(escape(text))) == text


def test_plain_words_stay_readable() -> None:
    for text in ("32.2 MB (a_b, c-d)", "LayerNorm_type: WithBias", "¿Qué? ñ é «x»", "56.74 px", "1.5x"):
        assert escape(text) == text


def test_what_cannot_be_seen_is_shown_as_such() -> None:
    assert escape("a\u202eb\x00c\u200bd") == "a�b�c�d"


def test_markdown_is_not_escaped_again() -> None:
    assert escape(Markdown("**a**")) == "**a**"
    assert join(" | ", [Markdown("**a**"), "*b*"]) == r"**a** | \*b\*"


def test_a_file_is_linked_by_its_quoted_path() -> None:
    assert link_file("a]b", "../x y(z)/README.md") == r"[a\]b](../x%20y%28z%29/README.md)"


@given(value=st.recursive(st.one_of(texts, st.integers(), st.booleans(), st.none()), st.lists, max_leaves=5))
def test_a_literal_is_python_on_one_line(value: object) -> None:
    text = literal(value)
    assert not re.search(r"[\r\n\x85\u2028\u2029]", text)
    assert ast.literal_eval(text) == value
