"""Cards as trees: nothing is lost, nothing is passed on as HTML."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from restoration_models import cards, catalogue, lock
from restoration_models.site.facts import model_facts
from restoration_models.site.nodes import OWN, Parts, own_of
from support.layers import REPOSITORY

LOADED = catalogue.load(REPOSITORY)
NOBODY = dict.fromkeys(OWN, "")


def opened(parts: Parts, node: Any, own: dict[str, str]) -> Any:
    """`node` with nothing kept elsewhere and no stand-ins."""
    if isinstance(node, int):
        return opened(parts, parts.kept[node], own)
    if isinstance(node, str):
        for index, name in enumerate(OWN):
            node = node.replace(chr(0xE000 + index), own[name])
        return node
    return [opened(parts, one, own) for one in node]


def words(node: Any) -> str:
    """The text of a tree, as a person reads it."""
    if isinstance(node, str):
        return node
    tag, *rest = node
    if tag == "a" and len(rest) == 1:
        return words(rest[0])
    inner = rest[1:] if tag in ("a", "go", "pre", "note") else rest
    return "".join(map(words, inner))


def targets(node: Any) -> list[str]:
    """Where the links of a tree lead."""
    if isinstance(node, str):
        return []
    return ([node[1]] if node[0] == "a" else []) + [found for one in node[1:] for found in targets(one)]


def plain(node: SyntaxTreeNode) -> str:
    """The text of parsed Markdown."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    if node.type in ("html_block", "image"):
        return ""
    if node.type == "html_inline":
        return "" if node.content in ("<code>", "</code>") else node.content
    return "".join(map(plain, node.children)) if node.children else node.content


@pytest.mark.parametrize("slug", [model.slug for model in LOADED.models])
def test_a_card_says_on_the_page_what_it_says_in_the_repository(slug: str) -> None:
    model = LOADED.model(slug)
    card = cards.render_model(REPOSITORY, LOADED, model)
    standing = lock.standings(REPOSITORY, LOADED, model.layer)[slug]
    own = own_of(model_facts(LOADED, model, standing))
    parts = Parts(frozenset(one.slug for one in LOADED.models))
    head, *sections = parts.sections(card, own, without="Antes y después")
    titles = [title for title in re.findall(r"^## (.+)$", card, re.MULTILINE) if title != "Antes y después"]
    assert [section.title for section in sections] == titles
    for section in sections:
        text = card.split(f"\n## {section.title}\n")[1].split("\n## ")[0]
        tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
        told = "".join(words(opened(parts, node, own)) for node in section.nodes)
        meant = re.sub(r"\[![A-Z]+\]", "", plain(tree))  # a callout's kind is its colour
        assert "".join(told.split()) == "".join(meant.split()), section.title
        addresses = [str(node.attrs["href"]) for node in tree.walk() if node.type == "link"]
        leads = [target for node in section.nodes for target in targets(opened(parts, node, own))]
        assert leads == [address for address in addresses if address.startswith("https:")]
    assert all(opened(parts, node, own)[0] == "note" for node in head.nodes)


def read(markdown: str, **own: str) -> list[Any]:
    parts = Parts(frozenset({"uvdoc", "other"}))
    values = {**NOBODY, **own}
    (_, section) = parts.sections(f"## S\n\n{markdown}\n", values, without="nothing")
    return [opened(parts, node, values) for node in section.nodes]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a *b* **c** `d`", ["p", "a ", ["em", "b"], " ", ["strong", "c"], " ", ["code", "d"]]),
        ("<code>a&#124;b &lt;i&gt;</code>", ["p", ["code", "a|b <i>"]]),
        ("<b>x</b>", ["p", "<b>x</b>"]),
        ("[x](javascript:alert(1))", ["p", "[x](javascript:alert(1))"]),
        ("[x](<https://a.example/b>)", ["p", ["a", "https://a.example/b", "x"]]),
        ("<https://a.example/b>", ["p", ["a", "https://a.example/b"]]),
        ("[x](http://a.example/)", ["p", ["span", "x"]]),
        ("[x](https://user@a.example/)", ["p", ["span", "x"]]),
        ("[x](../../layer-1/other/README.md)", ["p", ["go", "other", "x"]]),
        ("[x](../README.md)", ["p", ["span", "x"]]),
        ("[x](../../layer-1/unknown/README.md)", ["p", ["span", "x"]]),
        ("![x](https://a.example/p.png)y", ["p", "y"]),
        ("> [!WARNING]\n> **Mind** it.", ["note", "warning", ["p", ["strong", "Mind"], " it."]]),
        ("> said", ["note", "", ["p", "said"]]),
        ("```sh\na\n\n## b\n```", ["pre", "sh", "a\n\n## b"]),
        ("1. a\n2. b", ["ol", ["li", "a"], ["li", "b"]]),
        (
            "| a | b |\n|---|---:|\n| c | 1 |",
            [
                "table",
                ["thead", ["tr", ["th", "a"], ["thn", "b"]]],
                ["tbody", ["tr", ["td", "c"], ["tdn", "1"]]],
            ],
        ),
    ],
)
def test_what_becomes_of_markdown(markdown: str, expected: Any) -> None:
    assert read(markdown) == [expected]


def test_a_host_that_is_called_like_the_model_stays() -> None:
    (paragraph,) = read("[x](<https://uvdoc.example/uvdoc>) <https://uvdoc/7.67>", slug="uvdoc", size="7.67")
    assert paragraph == ["p", ["a", "https://uvdoc.example/uvdoc", "x"], " ", ["a", "https://uvdoc/7.67"]]


def test_html_of_its_own_is_dropped() -> None:
    assert read("<!-- generated -->") == read("<div>x</div>") == read("<script>x</script>") == []


def test_models_share_what_differs_by_their_names_alone() -> None:
    parts = Parts(frozenset())
    texts = (
        "## S\n\nPull `layers/l/{0}/{0}.pth` of {0}, [its page](<https://e.example/{0}.pth>), not {0}-two.\n"
    )
    made = [
        parts.sections(
            texts.format(slug), {**NOBODY, "slug": slug, "file": f"{slug}.pth"}, without="nothing"
        )[1]
        for slug in ("one", "other")
    ]
    ours, theirs = (
        opened(parts, section.nodes[0], {**NOBODY, "slug": slug, "file": f"{slug}.pth"})
        for section, slug in zip(made, ("one", "other"), strict=True)
    )
    assert ours[1:4] == ["Pull ", ["code", "layers/l/one/one.pth"], " of one, "]
    assert ours[4] == ["a", "https://e.example/one.pth", "its page"]
    assert ours[5].startswith(", not one-two")
    assert words(theirs) == words(ours).replace("one", "other")
    same = Parts(frozenset())
    nodes = [
        same.sections(
            f"## S\n\nThis is {slug}, a model of ours.\n", {**NOBODY, "slug": slug}, without="nothing"
        )[1]
        for slug in ("one", "two")
    ]
    assert nodes[0] == nodes[1]
    assert len(same.kept) == 1
