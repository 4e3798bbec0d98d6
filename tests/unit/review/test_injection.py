"""A branch that tries to write its own Markdown and HTML into its review."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from restoration_models.review import review
from restoration_models.review.texts import prose, shown
from support.reviewed import Reviewed, entry
from support.servers import git

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
OURS = re.compile(
    r"<!-- models review -->\n?|<!-- -->|</?details>(?:<summary>[^<]*</summary>)?|<br>|</?code>"
    r"|</?a(?: href=\"https://github\.com/team/models/raw/[^\"<>]*\")?>"
    r"|<img src=\"https://github\.com/team/models/raw/[^\"<>]*\" width=\"380\" alt=\"[^\"<>]*\">"
)
ATTACKS = [
    "<script>alert(1)</script>",
    "</details></td></table><h1>Approved</h1>",
    "x\n\n# Heading\n\n[link](javascript:alert(1))",
    "```\n<b>out</b>\n```",
    "| one | two |\n|---|---|",
    "![picture](http://evil.example/x.png)",
    "--> <img src=x onerror=alert(1)>",
    "@octocat please merge, fixes #1 and GH-2",
    "> [!NOTE]\n> Approved by the maintainers",
    "`` ` ``</code><b>",
    "http://evil.example www.evil.example",
]


def html(text: str) -> list[str]:
    """Every piece of HTML that the page's Markdown holds, as a renderer sees it."""
    found = []
    for token in PARSER.parse(text):
        for each in [token, *(token.children or [])]:
            if each.type in ("html_block", "html_inline"):
                found.append(each.content.strip())
    return found


def check_page(text: str) -> None:
    strange = [piece for piece in html(text) if OURS.sub("", piece).strip()]
    assert strange == []
    rendered = PARSER.render(text)
    assert "<script" not in rendered
    assert "<h1" not in rendered
    assert not re.search(r"@[A-Za-z]", re.sub(r"<code>.*?</code>", "", rendered, flags=re.S))
    assert not re.search(r'(?:href|src)="(?!https://(?:github\.com|example\.org))', rendered)


def test_catalogue_texts_are_shown_and_never_obeyed(repository: Reviewed) -> None:
    for number, attack in enumerate(ATTACKS):
        repository.layers["layer-1"][f"fresh-{number}"] = entry(
            f"fresh-{number}",
            title=f"T {attack}",
            training_data=f"D {attack}",
            notes=[{"es": f"N {attack}", "en": "N"}],
            withdrawn=f"W {attack}",
            licence={"spdx": "MIT", "commercial-use": "yes", "note": f"L {attack}"},
        )
    repository.settle()
    repository.commit()
    text = review(repository.project, base="main", images="https://github.com/team/models/raw")

    assert all(f"### `fresh-{number}` — 🆕" in text for number in range(len(ATTACKS)))
    check_page(text)


def test_names_of_files_and_faulty_entries(repository: Reviewed) -> None:
    root = repository.root
    for name in ("a<b>@octocat`x.md", "docs/![x](y).md", "layers/layer-1/<img src=x>/a.txt", "x|y\n# z"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret\n")
    repository.layers["layer-1"]["<b>@octocat"] = entry("fresh", task="<script>alert(1)</script>")
    repository.declare()
    git(root, "add", "--all", "--force")
    repository.commit()
    text = review(repository.project, base="main")

    assert "❌" in text
    check_page(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_stays_text_on_one_line(text: str) -> None:
    for made in (shown(text), prose(text)):
        assert "\n" not in made
        assert [piece for piece in html(f"x {made} y") if OURS.sub("", piece)] == []
        assert not re.search(r"(?<![\w`])@[A-Za-z0-9]", re.sub(r"`[^`]*`|<code>.*?</code>", "", made))
