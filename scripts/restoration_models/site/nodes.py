"""A card's Markdown as a tree that the page builds element by element: no HTML is passed on.

A node is a text, the number of a kept node, or a list of a tag, perhaps an argument, and nodes:
``["p", "Removes rain."]``, ``["a", "https://…", "the paper"]``; a link without words shows its
address. What has no place in the tree becomes text. Cards are alike but for the model's own names
and figures, so a stand-in takes the place of each, and a node is told once for all models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from restoration_models.cards.markdown import LINK

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

Node = Any
"""str | int | list: JSON, which a type cannot say without recursion."""

_TAGS = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "strong": "strong",
    "em": "em",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "hardbreak": "br",
}
_HOST = re.compile(r"\Ahttps://[^/]+/")
_WORTH = 24
"""Characters from which a node is told once, however many cards have it."""
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_CALLOUT = re.compile(r"\[!([A-Z]+)\]\s*")
_CARD = re.compile(r"(?:\.\./)+(?:[a-z0-9-]+/)?([a-z0-9-]+)/README\.md")

OWN = (
    *("slug", "file", "sha256", "md5", "fingerprint"),
    *("size", "sizeText", "parameters", "parametersText"),
    *(f"sources.{row}.1" for row in range(4)),
    *(f"measured.{row}.{column}" for row in range(3) for column in (1, 2, 3)),
    *(f"reported.{row}.1" for row in range(6)),
)
"""What stand-ins stand for: the first of these characters for the first, and so on. No card holds them.

Each is a place in the facts of a model. Of a source it is the address after its host, which Markdown
would write in its own way; of a reported value the figure without its unit.
"""
_FEWEST = 4
"""Characters of a figure that is a model's own: a shorter one is more likely to be something else."""
_FIRST = 0xE000
_STAND_INS = [chr(_FIRST + index) for index in range(len(OWN))]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card under its heading; the part before the first has none."""

    title: str
    nodes: list[Node]


class Parts:
    """The nodes of many cards, each told once."""

    def __init__(self, slugs: frozenset[str]) -> None:
        self.slugs = slugs
        """Of all models: a link to one's card leads to its place on the page."""
        self.kept: list[Node] = []
        self._numbers: dict[str, int] = {}
        self._read: dict[str, list[Node]] = {}

    def sections(self, card: str, own: Mapping[str, str], without: str) -> list[Section]:
        """The sections of a card in order, but for the one of the title `without`.

        The first is what stands before them: of that the callouts alone, for the page shows the rest in
        its own way. `own` has the values of `OWN`.
        """
        found = [Section("", [])]
        for chunk in _chunks(with_stand_ins(_FRONT_MATTER.sub("", card), own)):
            if chunk.startswith("## "):
                found.append(Section(chunk[3:], []))
            elif found[-1].title != without and (found[-1].title or chunk.startswith(">")):
                if chunk not in self._read:
                    self._read[chunk] = [self.keep(node) for node in self._nodes(chunk)]
                found[-1].nodes.extend(self._read[chunk])
        return [section for section in found if section.title != without]

    def text(self, text: str, own: Mapping[str, str]) -> Node:
        """A text of one model, as a node."""
        return self.keep(with_stand_ins(text, own))

    def keep(self, node: Node) -> Node:
        """`node`, or its number where it is long enough to be worth one."""
        key = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        if len(key) < _WORTH:
            return node
        if key not in self._numbers:
            self._numbers[key] = len(self.kept)
            self.kept.append(node)
        return self._numbers[key]

    def _nodes(self, chunk: str) -> list[Node]:
        from markdown_it.tree import SyntaxTreeNode

        tree = SyntaxTreeNode(_parser().parse(chunk))
        return [node for block in tree.children for node in self._block(block)]

    def _block(self, block: SyntaxTreeNode) -> Iterator[Node]:
        match block.type:
            case "heading":
                yield ["h", *self._inner(block)]
            case "fence":
                yield ["pre", block.info.strip(), block.content.rstrip("\n")]
            case "blockquote":
                yield self._callout(block)
            case "html_block" | "image" | "hr":
                return  # the header of a generated file; nothing else of this kind is in a card
            case "th" | "td":
                style = str(block.attrs.get("style", ""))
                yield [f"{block.type}n" if "right" in style else block.type, *self._inner(block)]
            case kind if kind in _TAGS:
                tag = _TAGS[kind]
                node = [tag, *self._inner(block)]
                if tag == "p" and len(node) == 1:
                    return  # it held a picture alone
                yield self.keep(node) if tag in ("li", "tr") else node
            case _:
                yield from self._inner(block)

    def _inner(self, block: SyntaxTreeNode) -> list[Node]:
        """What is in `block`; a list's tight paragraphs are left out."""
        found: list[Node] = []
        for child in block.children:
            if child.type == "inline":
                found += self._line(child.children)
            elif child.type == "paragraph" and block.type == "list_item":
                found += self._inner(child)
            else:
                found += self._block(child)
        return found

    def _line(self, children: Sequence[SyntaxTreeNode]) -> list[Node]:
        """The nodes of a line, neighbouring texts as one."""
        found: list[Node] = []
        code = False
        for child in children:
            if child.type == "html_inline" and child.content in ("<code>", "</code>"):
                # Code that holds what ends a cell or a fence of backticks is written like this.
                code = child.content == "<code>"
                if code:
                    found.append(["code", ""])
                continue
            node = self._piece(child)
            if code and found and isinstance(found[-1], list):
                found[-1][1] += node if isinstance(node, str) else _plain(child)
            elif isinstance(node, str) and found and isinstance(found[-1], str):
                found[-1] += node
            elif node:
                found.append(node)
        return found

    def _piece(self, child: SyntaxTreeNode) -> Node:
        match child.type:
            case "softbreak":
                return " "
            case "code_inline":
                return ["code", child.content]
            case "image":
                return ""
            case "link":
                return self._link(str(child.attrs.get("href", "")), self._line(child.children))
            case kind if kind in _TAGS:
                return [_TAGS[kind], *self._line(child.children)]
            case _:
                return child.content

    def _link(self, target: str, inner: list[Node]) -> Node:
        for stand_in in _STAND_INS:
            target = target.replace(quote(stand_in), stand_in)
        if LINK.fullmatch(re.sub(f"[{''.join(_STAND_INS)}]", "x", target)):
            return ["a", target] if inner == [target] else ["a", target, *inner]
        card = _CARD.fullmatch(target)
        if card and card[1] in self.slugs:
            return ["go", card[1], *inner]
        # A file of the repository, which does not lie beside the page.
        return ["span", *inner]

    def _callout(self, block: SyntaxTreeNode) -> Node:
        """A quotation; one that begins with its kind is a callout: ``["note", "warning", …]``."""
        nodes = [node for child in block.children for node in self._block_whole(child)]
        first = nodes[0] if nodes else []
        if isinstance(first, list) and len(first) > 1 and isinstance(first[1], str):
            kind = _CALLOUT.match(first[1])
            if kind:
                rest = first[1][kind.end() :]
                nodes[0] = ["p", *([rest] if rest else []), *first[2:]]
                return ["note", kind[1].lower(), *nodes]
        return ["note", "", *nodes]

    def _block_whole(self, block: SyntaxTreeNode) -> Iterator[Node]:
        """A block of a quotation, told in place: its first words are looked at."""
        if block.type == "paragraph":
            yield ["p", *self._inner(block)]
        else:
            yield from self._block(block)


def _plain(block: SyntaxTreeNode) -> str:
    """The words of a node without their marks."""
    if block.children:
        return "".join(_plain(child) for child in block.children)
    return block.content if block.type in ("text", "code_inline") else ""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def own_of(told: Mapping[str, Any]) -> dict[str, str]:
    """The values of `OWN` among the facts of a model; empty where it has none."""
    return {name: _own(told, name) for name in OWN}


def _own(told: Mapping[str, Any], name: str) -> str:
    key, *place = name.split(".")
    if not place:
        value = told.get(key, "")
        return str(value) if isinstance(value, str) or len(str(value)) >= _FEWEST else ""
    row, column = map(int, place)
    rows = told.get(key, ())
    if row >= len(rows) or (key == "sources" and not rows[row][2]):  # no link
        return ""
    value = _HOST.sub("", rows[row][column]).partition(" ")[0]
    return value if len(value) >= _FEWEST else ""


def with_stand_ins(text: str, own: Mapping[str, str]) -> str:
    """`text` with a stand-in wherever one of the model's own names is a word."""
    stand_ins = {own[name]: _STAND_INS[index] for index, name in enumerate(OWN) if own.get(name)}
    if not stand_ins:
        return text
    longest_first = sorted(stand_ins, key=len, reverse=True)
    words = "|".join(re.escape(word) for word in longest_first)
    # A host stays as it is: Markdown writes one of other letters in its own way.
    pattern = rf"https?://[^/\s<>()]*|(?<![\w-])(?:{words})(?![\w-])"
    return re.sub(pattern, lambda match: stand_ins.get(match[0], match[0]), text)


def _chunks(text: str) -> Iterator[str]:
    """Parts of `text` between empty lines; a block of code is one part."""
    lines: list[str] = []
    code = False
    for line in [*text.split("\n"), ""]:
        if line or code:
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
        if line.startswith("```"):
            code = not code
