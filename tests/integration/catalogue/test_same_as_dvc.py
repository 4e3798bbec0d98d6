"""DVC and this project read the same catalogue: DVC's own parser beside ours."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from restoration_models.catalogue import places
from support.facts import ROOT

PARAMS = [Path("params.yaml"), *sorted(path.relative_to(ROOT) for path in ROOT.glob("layers/*/params.yaml"))]


def typed(value: Any) -> Any:
    """`value` with the type of every scalar told, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    return (type(value).__name__, value)


@pytest.mark.parametrize("path", PARAMS, ids=str)
def test_real_files(path: Path) -> None:
    ours = places.read(ROOT / path, str(path))
    assert ours.problems == []
    assert typed(ours.data) == typed(load_yaml(ROOT / path))


WORDS = """
    on Off y NO null ~ 012 0o14 09 1_000 1:20 12e12 1e3 1.5e3 1.5E+3 0x1F 0b11 .inf -.Inf .nan = << 2026-11-23
    2026-13-45 2001-12-14t21:59:43.10-05:00 --- ... - +1 -0 -0.0 0. .5 +.5e1 1__0 _1 0_ 190:20:30.15 %a a#b
    a:b :: ?a ? a?b ! *a 'a' "a" | > [a] a,b tRUE https://example.com/a?b=c !!str &a
"""
"""Scalars that YAML versions or YAML readers have disagreed on."""

plain = st.text(alphabet="0123456789+-._:eEoxXbTtrueflsyYnNoOinfa=<~/ ", min_size=1, max_size=9)
numbers = st.from_regex(r"\A[-+]?[0-9_]{1,12}([.:][0-9_]{0,6})?([eE][-+]?[0-9]{1,3})?\Z")
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.sampled_from(WORDS.split()) | plain | numbers | anything


def check(folder: Path, text: str) -> None:
    """Where ours finds nothing wrong with `text`, DVC reads the same from it."""
    path = folder / "params.yaml"
    path.write_bytes(text.encode())
    document = places.read(path, "params.yaml")
    if document.problems:
        return
    assert typed(document.data) == typed(load_yaml(path)), text


@settings(max_examples=150, deadline=None)
@given(scalar=scalars)
@example("012")
def test_any_plain_scalar(tmp_path_factory: pytest.TempPathFactory, scalar: str) -> None:
    """As a value, a key, and an item, in block and in flow style."""
    folder = tmp_path_factory.getbasetemp()
    check(folder, f"key: {scalar}\n")
    check(folder, f"{scalar}: value\n")
    check(folder, f"key: [{scalar}, {{a: {scalar}}}]\n")


@settings(max_examples=80, deadline=None)
@given(anything, st.sampled_from(["'", '"', "|\n  ", ">-\n  ", "a\n  "]))
def test_any_quoted_scalar(tmp_path_factory: pytest.TempPathFactory, text: str, opening: str) -> None:
    closing = opening if opening in ("'", '"') else "\n"
    check(tmp_path_factory.getbasetemp(), f"key: {opening}{text}{closing}\n")


def test_the_check_can_fail(tmp_path: Path) -> None:
    """The two readers do differ on a file that ours refuses."""
    path = tmp_path / "params.yaml"
    path.write_text("key: 012\n", encoding="utf-8")
    assert load_yaml(path) == {"key": 12}
    assert places.read(path, "params.yaml").problems != []
    assert not math.isnan(load_yaml(path)["key"])
