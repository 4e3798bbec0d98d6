"""Cards under their published names: links between published names, and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.publish.pages import published

CARD = "layers/layer-1/cleaner/README.md"
NAMES = {
    CARD: "published/layer_1/family/cleaner/README.md",
    "layers/layer-1/cleaner/sample.png": "published/layer_1/family/cleaner/sample.png",
    "layers/layer-1/reports/cleaner.json": "published/layer_1/family/cleaner/report.json",
    "layers/layer-1/README.md": "published/layer_1/README.md",
    "layers/layer-2/other/README.md": "published/layer_2/family/other/README.md",
}


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("![A page](sample.png)", "![A page](sample.png)"),
        ("[`cleaner.json`](../reports/cleaner.json)", "[`cleaner.json`](report.json)"),
        ("[The layer](../README.md)", "[The layer](../../README.md)"),
        ("[`other`](../../layer-2/other/README.md)", "[`other`](../../../layer_2/family/other/README.md)"),
        ("[`unpublished`](../unpublished/README.md) and", "`unpublished` and"),
        ("[a \\[word\\]](../README.md)", "[a \\[word\\]](../../README.md)"),
        ("[site](<https://example.org/a>)", "[site](<https://example.org/a>)"),
        ("[site](https://example.org/a)", "[site](https://example.org/a)"),
        ("[part](#licence)", "[part](#licence)"),
        ("![x](../unpublished/sample.png)", "x"),
    ],
)
def test_links_of_a_card(text: str, becomes: str) -> None:
    assert published(text, CARD, NAMES) == becomes


def test_a_layers_thumbnails_lead_to_cards_or_are_left_out() -> None:
    def thumbnail(page: str) -> str:
        return f'<a href="{page}/README.md"><img src="{page}/sample.png" width="480" alt="A page"></a>'

    layer = "layers/layer-1/README.md"
    assert published(f"| {thumbnail('cleaner')} |", layer, NAMES) == f"| {thumbnail('family/cleaner')} |"
    assert published(f"| {thumbnail('gone')} |", layer, NAMES) == "|  |"


def test_code_is_left_as_it_is() -> None:
    text = "```python\nx[0](../README.md)\n```\n[y](../README.md)\n```sh\n[z](sample.png)\n```\n"
    assert published(text, CARD, NAMES) == text.replace("[y](../README.md)", "[y](../../README.md)")


@given(st.text(alphabet='ab[]()!`\\./<>\n"= #:', max_size=80))
def test_no_text_makes_it_fail_and_a_card_without_links_stays(text: str) -> None:
    result = published(text, CARD, NAMES)
    if "](" not in text and "href" not in text:
        assert result == text
