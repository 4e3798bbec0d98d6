"""README.es.md says what README.md says: same sections, code, commands, links, tables and figures."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMES = ("README.md", "README.es.md")
ENGLISH, SPANISH = ((ROOT / name).read_text(encoding="utf-8") for name in NAMES)

SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FIGURE = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*")
PLACEHOLDER = re.compile(r"<[^>]+>")
COMMENT = re.compile(
    r"""(?P<code>"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\\.)|[ \t]*(?:^|(?<=[ \t]))#[ ]*(?P<file>[\w/]+\.yaml)?.*""",
    re.MULTILINE,
)


# By page, the addresses that the other page has under another name: what to call both.
Same = tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it, up to the next heading."""

    heading: str
    blocks: tuple[tuple[str, str], ...]  # language, text
    prose: str  # the rest, tables included

    @property
    def level(self) -> int:
        return len(self.heading) - len(self.heading.lstrip("#"))

    @property
    def anchor(self) -> str:
        """The heading's address within the page, by GitHub's rule."""
        return re.sub(r"[^\w -]", "", self.heading.lstrip("# ").lower()).replace(" ", "-")

    @property
    def code(self) -> list[tuple[str, str]]:
        return [(language, _code(language, text)) for language, text in self.blocks]

    @property
    def spans(self) -> list[str]:
        return _spans(self.prose)

    @property
    def links(self) -> list[str]:
        return LINK.findall(SPAN.sub("", self.prose))

    @property
    def figures(self) -> list[str]:
        return FIGURE.findall(LINK.sub("", SPAN.sub("", self.prose)))

    @property
    def tables(self) -> list[list[str]]:
        return [part.splitlines() for part in self._parts if part.startswith("|")]

    @property
    def paragraphs(self) -> list[str]:
        return [part for part in self._parts if not part.startswith("|")]

    @property
    def _parts(self) -> list[str]:
        return [part for part in re.split(r"\n\s*\n", self.prose.strip()) if part]


def sections(text: str) -> list[Section]:
    """The sections of a page, in their order; a `#` in a fenced block is no heading."""
    found: list[Section] = []
    heading, prose, blocks, fence = "", list[str](), list[tuple[str, str]](), list[str]()
    fenced = False
    for line in [*text.splitlines(), "# end"]:
        if line.startswith("```"):
            if fenced:
                blocks.append((fence[0].removeprefix("```"), "\n".join(fence[1:])))
            fenced, fence = not fenced, [line]
            prose.append("")  # what stands before a block and after it are two paragraphs
        elif fenced:
            fence.append(line)
        elif re.match(r"#+ ", line):
            found.append(Section(heading, tuple(blocks), "\n".join(prose)))
            heading, prose, blocks = line, [], []
        else:
            prose.append(line)
    assert not fenced, f"a block is not closed: {fence[:2]}"
    assert not found[0].prose, "text stands before the first heading"
    return found[1:]


def _spans(text: str) -> list[str]:
    """The code within prose; a placeholder in angle brackets may be translated."""
    return [PLACEHOLDER.sub("<>", " ".join(span.split())) for span in SPAN.findall(text)]


def _code(language: str, text: str) -> str:
    """A block without what is translated: the words of comments, but for a file's name that one begins with.

    Of a plain block the first column stays. A module stays whole: it is in the language of the code.
    """
    if not language:
        return "\n".join(PLACEHOLDER.sub("<>", re.split(r" {2,}", line)[0]) for line in text.splitlines())
    if re.match(r"# [\w/]+\.py\n", text):
        return text
    marked = COMMENT.sub(lambda found: found["code"] or f" # {found['file'] or ''}", text)
    return "\n".join(line.rstrip() for line in marked.splitlines())


def odd(english: Iterable[str], spanish: Iterable[str]) -> list[str]:
    """What the pages do not have equally often."""
    ours, theirs = Counter(english), Counter(spanish)
    return [
        f"README.md has {item!r} {ours[item]} times, README.es.md {theirs[item]}"
        for item in ours | theirs
        if ours[item] != theirs[item]
    ]


def code(english: Section, spanish: Section, _: Same) -> list[str]:
    ours, theirs = english.code, spanish.code
    if len(ours) != len(theirs):
        return [f"README.md has {len(ours)} code blocks, README.es.md {len(theirs)}"]
    found = []
    for number, (one, two) in enumerate(zip(ours, theirs, strict=True), start=1):
        if one != two:
            told = odd([one[0], *one[1].splitlines()], [two[0], *two[1].splitlines()]) or ["another order"]
            found.append(f"code block {number}: {'; '.join(told)}")
    return found


def spans(english: Section, spanish: Section, _: Same) -> list[str]:
    return odd(english.spans, spanish.spans)


def links(english: Section, spanish: Section, same: Same) -> list[str]:
    ours, theirs = same
    return odd(
        (ours.get(link, link) for link in english.links), (theirs.get(link, link) for link in spanish.links)
    )


def tables(english: Section, spanish: Section, _: Same) -> list[str]:
    if len(english.tables) != len(spanish.tables):
        return [f"README.md has {len(english.tables)} tables, README.es.md {len(spanish.tables)}"]
    found = []
    for number, (ours, theirs) in enumerate(zip(english.tables, spanish.tables, strict=True), start=1):
        if len(ours) != len(theirs):
            found.append(f"table {number}: README.md has {len(ours)} rows, README.es.md {len(theirs)}")
        for one, two in zip(ours, theirs, strict=False):
            if one.count("|") != two.count("|") or Counter(_spans(one)) != Counter(_spans(two)):
                found.append(f"table {number}: {two!r} is not the row {one!r}")
                break
    return found


def prose(english: Section, spanish: Section, _: Same) -> list[str]:
    ours, theirs = len(english.paragraphs), len(spanish.paragraphs)
    return [f"README.md has {ours} paragraphs, README.es.md {theirs}"] if ours != theirs else []


def figures(english: Section, spanish: Section, _: Same) -> list[str]:
    return odd(english.figures, spanish.figures)


CHECKS: list[Callable[[Section, Section, Same], list[str]]] = [
    code,
    spans,
    links,
    tables,
    prose,
    figures,
]


def headings(english: list[Section], spanish: list[Section]) -> list[str]:
    """Sections that only one page has, found by what is in them, as their titles are translated."""
    ours, theirs = [s.level for s in english], [s.level for s in spanish]
    if ours == theirs:
        return []
    a, b = ([(s.level, str(s.code), str(sorted(s.spans))) for s in page] for page in (english, spanish))
    found = []
    for tag, i, j, k, m in difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if tag != "equal":
            one, two = ([s.heading for s in page] for page in (english[i:j], spanish[k:m]))
            found.append(f"headings: README.md has {one}, README.es.md has {two} in that place")
    return found


def compare(english: str, spanish: str) -> dict[str, list[str]]:
    """What is out of step, by check; the sections are compared where the pages have the same ones."""
    ours, theirs = sections(english), sections(spanish)
    found = {"headings": headings(ours, theirs)}
    pairs = [] if found["headings"] else list(zip(ours, theirs, strict=True))
    named = [(f"#{one.anchor}", f"#{two.anchor}") for one, two in pairs] + [(NAMES[1], NAMES[0])]
    same: Same = tuple({pair[side]: " = ".join(pair) for pair in named} for side in (0, 1))
    for check in CHECKS:
        found[check.__name__] = [
            f"{one.heading} / {two.heading.lstrip('# ')}: {what}"
            for one, two in pairs
            for what in check(one, two, same)
        ]
    return found


def lost(name: str, text: str, files: frozenset[str]) -> list[str]:
    """Anchors without a heading, headings that share one, and links to what git does not have."""
    page = sections(text)
    anchors = Counter(section.anchor for section in page)
    found = [f"{name}: two headings have the anchor #{anchor}" for anchor, n in anchors.items() if n > 1]
    for section in page:
        for link in section.links:
            if link.startswith("#"):
                if link[1:] not in anchors:
                    found.append(f"{name}, {section.heading}: no heading has the anchor {link}")
            elif not link.startswith("https://") and link.partition("#")[0] not in files:
                found.append(f"{name}, {section.heading}: git has no file {link}")
    return found


@pytest.fixture(scope="module")
def files() -> frozenset[str]:
    """What a commit of everything here would hold: tracked files, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(listed.stdout.split("\0"))


@pytest.mark.parametrize("check", ["headings", *(check.__name__ for check in CHECKS)])
def test_the_spanish_page_is_in_step(check: str) -> None:
    told = compare(ENGLISH, SPANISH)[check]
    assert not told, "\n".join(told)


def test_each_page_begins_with_a_link_to_the_other() -> None:
    title = sections(ENGLISH)[0].heading
    assert ENGLISH.startswith(f"{title}\n\n[En español](README.es.md)\n\n")
    assert SPANISH.startswith(f"{title}\n\n[In English](README.md)\n\n")


@pytest.mark.parametrize(("name", "text"), [(NAMES[0], ENGLISH), (NAMES[1], SPANISH)], ids=NAMES)
def test_every_link_leads_somewhere(name: str, text: str, files: frozenset[str]) -> None:
    told = lost(name, text, files)
    assert not told, "\n".join(told)


SAMPLE = """# Tools

[Otro](README.md), [uso](#el-uso-diario) y [más](docs/more.md).

## El uso diario

Se ejecuta `tool run --all` en 3 minutos, o `tool get <nombre>`.

```sh
tool run "a # b"     # todo
tool stop
```

```
folder/<nombre>      una carpeta
```

Después, `tool stop`.

## Órdenes

| orden | qué hace |
|---|---|
| `tool run` | corre |
| `tool stop` | para |
"""
TRANSLATED = SAMPLE
for spanish, english in {
    "Otro](README.md)": "Other](README.es.md)",
    "#el-uso-diario": "#daily-use",
    "El uso diario": "Daily use",
    "# todo": "# everything",
    "<nombre>": "<name>",
    "una carpeta": "a folder",
    "Órdenes": "Commands",
    "corre": "runs",
}.items():
    TRANSLATED = TRANSLATED.replace(spanish, english)


def test_a_translation_is_in_step() -> None:
    assert not any(compare(TRANSLATED, SAMPLE).values())


@pytest.mark.parametrize(
    ("check", "old", "new", "named"),
    [
        ("headings", "## Órdenes", "### Órdenes", "## Commands"),
        ("headings", "## El uso diario", "El uso diario", "## Daily use"),
        ("headings", "## Órdenes", "## Otra\n\nMás.\n\n## Órdenes", "## Otra"),
        ("code", "tool stop\n```", "```", "tool stop"),
        ("code", '"a # b"', '"a # c"', "a # b"),
        ("code", "     # todo", "", "Daily use"),
        ("code", "folder/", "ordner/", "folder/"),
        ("code", "```sh", "```python", "Daily use"),
        ("code", "```\nfolder/<nombre>      una carpeta\n```\n\n", "", "2 code blocks"),
        ("spans", "`tool run --all`", "`tool run`", "tool run --all"),
        ("spans", "Después, `tool stop`.", "Después, nada.", "tool stop"),
        ("links", "](docs/more.md)", "](docs/less.md)", "docs/more.md"),
        ("links", "](README.md)", "](README.es.md)", "README.md"),
        ("links", "#el-uso-diario", "#órdenes", "#el-uso-diario"),
        ("tables", "| `tool stop` | para |\n", "", "4 rows"),
        ("tables", "| `tool stop` | para |", "| `tool stop` | para | ya |", "tool stop"),
        ("tables", "| `tool stop` |", "| `tool halt` |", "tool halt"),
        ("prose", "Después, `tool stop`.", "Después, `tool stop`.\n\nY eso es todo.", "3"),
        ("figures", "3 minutos", "4 minutos", "'3'"),
    ],
)
def test_a_page_out_of_step_is_told(check: str, old: str, new: str, named: str) -> None:
    assert SAMPLE.count(old) == 1
    told = compare(TRANSLATED, SAMPLE.replace(old, new))[check]
    assert named in "\n".join(told)


def test_an_address_that_leads_nowhere_is_told() -> None:
    files = frozenset({"README.md", "docs/more.md"})
    assert lost("page", SAMPLE, files) == []
    assert lost("page", SAMPLE, frozenset({"README.md"})) == ["page, # Tools: git has no file docs/more.md"]
    gone = SAMPLE.replace("#el-uso-diario", "#el-uso")
    assert lost("page", gone, files) == ["page, # Tools: no heading has the anchor #el-uso"]
    twice = SAMPLE.replace("## Órdenes", "## El uso diario")
    assert lost("page", twice, files) == ["page: two headings have the anchor #el-uso-diario"]
