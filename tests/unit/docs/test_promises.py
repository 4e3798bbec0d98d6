"""Every promise of docs/reliability.md and docs/security.md names a test, and each of them exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [page for page in ("docs/reliability.md", "docs/security.md") if (ROOT / page).is_file()]
REFERENCE = re.compile(r"`(?:tests/)?((?:unit|integration)/[\w/]+\.py)(?:::([\w:]+))?(?:\[[^`]*\])?`")
NOT_PROMISED = re.compile(r"^## .*\bnot\b.*promised?", re.IGNORECASE | re.MULTILINE)


def references(page: str) -> list[tuple[str, str]]:
    """File and test of every test that a page names."""
    return REFERENCE.findall((ROOT / page).read_text(encoding="utf-8"))


NAMED = sorted({(page, file, test) for page in PAGES for file, test in references(page)})


@cache
def named_in(file: str) -> frozenset[str]:
    """The names of a file's tests; those of classes with their class too."""
    found = set()
    for node in ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
            inside = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            found |= inside | {f"{node.name}::{name}" for name in inside}
    return frozenset(found)


@pytest.mark.parametrize(("page", "file", "test"), NAMED)
def test_a_named_test_exists(page: str, file: str, test: str) -> None:
    assert (ROOT / "tests" / file).is_file(), f"{page} names {file}"
    if test:
        assert test in named_in(file), f"{page} names {file}::{test}"
        assert test.rpartition("::")[2].startswith(("test_", "Test"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_tests_and_says_what_is_not_promised(page: str) -> None:
    assert len(references(page)) > 5
    assert NOT_PROMISED.search((ROOT / page).read_text(encoding="utf-8"))


def test_every_promise_about_faults_names_its_test() -> None:
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    promised = text[: NOT_PROMISED.search(text).start()]  # type: ignore[union-attr]
    items = re.split(r"^- ", promised, flags=re.MULTILINE)[1:]
    without = [item.split("\n")[0] for item in items if not REFERENCE.search(item)]
    assert without == []
