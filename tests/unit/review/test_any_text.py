"""Whatever texts both sides of a branch hold, their review is the same Markdown with other words in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from restoration_models.review import review
from support.effort import examples
from support.reviewed import Reviewed, entry
from support.servers import git

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = re.compile(
    r"<!-- models review -->\n?|<!-- -->|</?details>(?:<summary>[^<]*</summary>)?|<br>|</?code>"
    r"|</?a(?: href=\"https://github\.com/team/models/raw/[^\"<>]*\")?>"
    r"|<img src=\"https://github\.com/team/models/raw/[^\"<>]*\" width=\"380\" alt=\"[^\"<>]*\">"
)
IMAGES = "https://github.com/team/models/raw"
PIECES = [
    "<img src=x onerror=alert(1)>",
    "<script>",
    "</details>",
    "-->",
    "<!--",
    "![a](https://evil.example/x.png)",
    "[a](https://evil.example)",
    "[a]: https://evil.example",
    "https://evil.example/x",
    "http://evil.example",
    "www.evil.example",
    "evil@evil.example",
    "<https://evil.example>",
    "```",
    "~~~",
    "`",
    "|",
    "| - |",
    "# ",
    "> ",
    "> [!NOTE]",
    "\\",
    "&lt;",
    "&#60;script>",
    "&nbsp;",
    "@octocat",
    "#1",
    "GH-2",
    "octo/repo#3",
    "**",
    "__",
    "~~",
    "$x$",
    "$$",
    ":tada:",
    "\n",
    "\n\n",
    "- [x] ",
    "1. ",
    "===",
    "---",
    "\t",
    "%0a",
    "javascript:alert(1)",
    "data:text/html,x",
    "::error::x",
    "{{ 7 * 7 }}",
    "🆕",
]
SEEN = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp"])
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(SEEN, max_size=8), min_size=1, max_size=6).map(
    # What the loader takes at all.
    lambda pieces: "".join(pieces).replace("${", "$ {").strip() or "x"
)


def fields(texts: list[str], side: str) -> dict[str, Any]:
    """An entry's texts, each another of `texts`; one of them says which side it is of."""
    at = iter([f"{side}: {texts[0]}", *texts * 3])
    return {
        "training_data": next(at),
        "title": {"es": next(at), "en": next(at)},
        "description": next(at),
        "evaluated_as": next(at),
        "notes": [{"es": next(at), "en": next(at)}, next(at)],
        "evidence": [next(at)],
        "withdrawn": next(at),
        "hyperparameters": {"a": next(at), "b": [1, 2]},
        "licence": {"spdx": "MIT", "commercial-use": "yes", "note": next(at)},
        "metrics": [
            {"dataset": next(at), "metric": "PSNR", "value": 1.5, "source": "paper", "split": next(at)}
        ],
        "sources": [f"file:{re.sub('[^a-z]', '', next(at))}x"],
    }


@pytest.fixture(scope="module")
def repository(clean: Reviewed, tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    return clean.copy(tmp_path_factory.mktemp("any") / "repository")


@examples(12, shrink=False)
@given(st.lists(TEXTS, min_size=15, max_size=15), st.lists(TEXTS, min_size=15, max_size=15))
def test_both_sides(repository: Reviewed, alone: None, before: list[str], after: list[str]) -> None:
    """The base holds texts as hostile as the branch's; one model is changed, one new, one gone."""
    layer = repository.layers["layer-1"]
    usual = {slug: dict(model) for slug, model in layer.items()}
    try:
        page = reviewed(repository, before, after)
    finally:
        layer.clear()
        layer.update(usual)
    strange = [piece for piece in pieces_of_html(page) if OURS.sub("", piece).strip()]
    assert strange == []
    rendered = PARSER.render(page)
    assert not re.search(r'(?:href|src)="(?!https://github\.com/team/models/raw/)', rendered)
    # GitHub makes links of bare addresses too, in its own way: none may be left to it.
    bare = re.sub(r"<code>.*?</code>|`[^`\n]*`", "", OURS.sub("", page), flags=re.DOTALL)
    assert not re.search(r"(?i)\b(?:https?|ftp)://|\bwww\.|\bmailto:", bare)
    assert "<h1" not in rendered
    assert not re.search(
        r"(?<![\w`/])@[A-Za-z0-9]", re.sub(r"<code>.*?</code>", "", rendered, flags=re.DOTALL)
    )
    assert all(char.isprintable() or char in "\n" or char.isspace() for char in page)
    # The page's own frame is whole: its headings are ours, and none is missing.
    headings = re.findall(r"<h[1-6]>(.*?)</h[1-6]>", rendered)
    assert len(headings) == len([line for line in page.splitlines() if line.startswith("##")])


def reviewed(repository: Reviewed, before: list[str], after: list[str]) -> str:
    layer = repository.layers["layer-1"]
    git(repository.root, "switch", "--quiet", "main")
    layer["changed"] = entry("changed", **fields(before, "before"))
    layer["gone"] = entry("gone", **fields(before[::-1], "before"))
    committed(repository)
    git(repository.root, "switch", "--quiet", "--force-create", "change")
    layer["changed"] = entry("changed", **fields(after, "after"))
    layer["fresh"] = entry("fresh", **fields(after[::-1], "after"))
    repository.remove("gone")
    committed(repository)
    page = review(repository.project, base="main", images=IMAGES)
    assert all(f"`{slug}`" in page for slug in ("changed", "fresh", "gone"))
    return page


def committed(repository: Reviewed) -> None:
    repository.declare()
    git(repository.root, "add", "--all")
    git(repository.root, "commit", "--quiet", "--allow-empty", "--message", "A change")


def pieces_of_html(text: str) -> list[str]:
    found = []
    for token in PARSER.parse(text):
        for each in [token, *(token.children or [])]:
            if each.type in ("html_block", "html_inline"):
                found.append(each.content.strip())
    return found


def test_a_file_that_is_no_catalogue(clean: Reviewed, tmp_path: Path) -> None:
    """A branch whose params file is anything at all: problems, shown as text."""
    repository = clean.copy(tmp_path / "repository")
    (repository.root / "params.yaml").write_bytes(b"<script>: [![x](https://evil.example)\n\x1b[2J\n" * 40)
    repository.commit()
    page = review(repository.project, base="main", images=IMAGES)
    assert [piece for piece in pieces_of_html(page) if OURS.sub("", piece).strip()] == []
    assert "evil.example" not in re.sub(r"<code>.*?</code>", "", PARSER.render(page), flags=re.DOTALL)
    assert "\x1b" not in page
