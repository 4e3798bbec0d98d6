"""Whatever a params file holds, the loader answers with a catalogue or with problems in their places."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from restoration_models.errors import Problem
from support import catalogue as small
from support.facts import ROOT

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.sampled_from(
        ["on", "${a}", "-rf", "a;b", "../x", "1e3", "reports", "a\u202eb", "\x1b[0m", "x" * 5000]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
FILES = {
    "params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8"),
    "layers/layer-1/params.yaml": (ROOT / "layers/layer-1/params.yaml").read_text(encoding="utf-8"),
    "layers/layer-2/params.yaml": (ROOT / "layers/layer-2/params.yaml").read_text(encoding="utf-8"),
}


def found(files: dict[str, bytes]) -> list[Problem]:
    """The problems of a catalogue of `files`; each must be sound."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        problems = small.problems(small.Project(root))
    for problem in problems:
        assert problem.file in files or problem.what == "the file is missing"
        # As YAML counts lines: a lone carriage return ends one too.
        lines = files.get(problem.file, b"").decode("utf-8", "replace").splitlines()
        assert 0 <= problem.line <= len(lines) + 1
        assert problem.what
        # A message stays a line, whatever it quotes.
        assert len(problem.what) + len(problem.remedy) < 600
    return problems


def encoded(**changes: bytes) -> dict[str, bytes]:
    return {name: text.encode() for name, text in FILES.items()} | changes


@quick
@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"layers: [[\n")
def test_any_bytes(data: bytes) -> None:
    for name in FILES:
        assert found(encoded(**{name: data}))


@quick
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    """Real files with a piece cut out, doubled, or replaced by what YAML gives a meaning."""
    name = data.draw(st.sampled_from(sorted(FILES)))
    text = FILES[name]
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 60)))
    piece = data.draw(
        st.sampled_from(
            [
                "",
                text[start:end] * 2,
                "\n",
                ": ",
                "- ",
                "[",
                "}",
                "&a ",
                "*a",
                "!!x ",
                "\t",
                "#",
                "|\n",
                "'",
                '"',
                "---\n",
                "%",
                "<<: ",
                "\0",
                "${",
                "é",
            ]
        )
    )
    found(encoded(**{name: (text[:start] + piece + text[end:]).encode()}))


def positions(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, child in children for place in positions(child, (*path, key)))]


HEAD = small.head()
LAYER = small.layer(
    {
        "a": small.entry(
            1,
            title={"es": "a", "en": "b"},
            metrics=[{"dataset": "D", "metric": "PSNR", "value": 1.5, "source": "paper"}],
            hyperparameters={"a": [1, 2], "b": 1.5},
            aliases=["pretrained_models/x"],
            notes=["n"],
            licence={"spdx": "MIT", "commercial-use": "yes"},
        ),
        "b": small.entry(2, base="a"),
    }
)


@quick
@given(st.data())
def test_any_value_anywhere(data: st.DataObject) -> None:
    """A valid catalogue with any value put in any place, or any key beside any other."""
    files: list[Any] = [copy.deepcopy(HEAD), copy.deepcopy(LAYER)]
    path = data.draw(st.sampled_from(positions(files)[1:]))
    value = data.draw(VALUES)
    target: Any = files
    for part in path[:-1]:
        target = target[part]
    if isinstance(target, dict) and data.draw(st.booleans()):
        target[data.draw(st.text(max_size=8))] = value
    else:
        target[path[-1]] = value
    written = [yaml.safe_dump(each, allow_unicode=True).encode("utf-8", "backslashreplace") for each in files]
    found({"params.yaml": written[0], "layers/layer-1/params.yaml": written[1]})


@pytest.mark.parametrize("name", ["params.yaml", "layers/layer-1/params.yaml"])
def test_the_valid_files_that_are_damaged(name: str) -> None:
    """Else the tests above would test nothing."""
    files = {
        "params.yaml": small.text(HEAD).encode(),
        "layers/layer-1/params.yaml": small.text(LAYER).encode(),
    }
    assert found(files) == []
    assert found({**files, name: b"{}\n"})
