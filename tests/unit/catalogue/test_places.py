"""What a params file must not hold as YAML, whatever it means."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from restoration_models.catalogue import places
from support import catalogue as small

L = "layers/layer-1/params.yaml"
TOP = "title: a\npurpose: b\npublish: pretrained_models/layer_1\n"
NULL = (
    "is null, which DVC cannot use; "
    "give a value, write {} or [] for an empty map or list, or leave the key out"
)
DEEP = "is nested more than 20 levels deep; flatten it"


def case(name: str, content: str | bytes, *expected: str) -> object:
    return pytest.param(content, [f"{L}{line}" for line in expected], id=name)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        case("empty", "", ":1: the file is empty; state its fields"),
        case("comments only", "# a\n\n# b\n", ":1: the file is empty; state its fields"),
        case("null document", "---\n", f":2: {NULL}"),
        case("list at top", "- a\n", ":1: ['a']: must map keys to values"),
        case("text at top", "a\n", ":1: 'a': must map keys to values"),
        case("not UTF-8", TOP.encode() + b"models: {}\n# \xe1\n", ":5: is not UTF-8; save the file as UTF-8"),
        case("UTF-16", TOP.encode("utf-16"), ":1: is not UTF-8; save the file as UTF-8"),
        case(
            "byte order mark",
            f"\ufeff{TOP}models: {{}}\n",
            ":1: holds the invisible character U+FEFF; remove it",
        ),
        case(
            "tab as indentation",
            f"{TOP}models:\n\ta: 1\n",
            ":5: not valid YAML: while scanning for the next token, found character that cannot "
            "start any token; "
            "indent with spaces; put text that begins with @, ` or % between quotes",
        ),
        case(
            "unclosed bracket",
            f"{TOP}models: [\n",
            ":4: not valid YAML: while parsing a flow node, did not find expected node content",
        ),
        case(
            "colon in a text",
            "title: a: b\n",
            ":1: not valid YAML: mapping values are not allowed in this context",
        ),
        case(
            "two documents",
            f"{TOP}models: {{}}\n---\na: 1\n",
            ":5: a second document begins here; remove the --- line",
        ),
        case(
            "version directive",
            f"%YAML 1.1\n---\n{TOP}models: {{}}\n",
            ":1: a % directive is not allowed; remove the line",
        ),
        case(
            "tag directive",
            f"%TAG !a! b\n---\n{TOP}models: {{}}\n",
            ":1: a % directive is not allowed; remove the line",
        ),
        case(
            "alias",
            f"{TOP}models: {{a: &x {{}}, b: *x}}\n",
            ":4: models.a: no source; give one under sources, or origin: local for weights that "
            "only the store has",
            ":4: models.a: the field 'expects' is missing; state it",
            ":4: models.a: the field 'family' is missing; state it",
            ":4: models.a: the field 'file' is missing; state it",
            ":4: models.a: the field 'sha256' is missing; state it",
            ":4: models.a: the field 'size' is missing; state it",
            ":4: models.a: the field 'task' is missing; state it",
            ":4: models.b: the alias *x is not allowed; write the value out",
        ),
        case(
            "alias of itself",
            f"{TOP}models: &x {{a: *x}}\n",
            ":4: models.a: the alias *x is not allowed; write the value out",
        ),
        case(
            "alias of nothing",
            f"{TOP}models: *x\n",
            ":4: models: the alias *x is not allowed; write the value out",
        ),
        case(
            "merge key",
            f"{TOP}models:\n  <<: {{a: 1}}\n",
            ":5: models: the merge key << is not allowed; write the fields out",
        ),
        case(
            "tag",
            f"{TOP}models: !!omap {{}}\n",
            ":4: models: the tag tag:yaml.org,2002:omap is not allowed; write a plain value",
        ),
        case(
            "tag of a quoted scalar",
            TOP.replace("a\n", "!!int '3'\n", 1) + "models: {}\n",
            ":1: title: the tag tag:yaml.org,2002:int is not allowed; write a plain value",
        ),
        case(
            "program's tag",
            TOP.replace("a\n", "!!python/object:os.system x\n", 1) + "models: {}\n",
            ":1: title: the tag tag:yaml.org,2002:python/object:os.system is not allowed; write a "
            "plain value",
        ),
        case(
            "key twice",
            f"{TOP}title: c\nmodels: {{}}\n",
            ":4: title: the key is given twice; keep one of them",
        ),
        case(
            "number as key",
            f"{TOP}models: {{1: {{}}}}\n",
            ":4: models: the key '1' is not read as text; choose another name",
        ),
        case(
            "word as key",
            f"{TOP}models: {{on: {{}}}}\n",
            ":4: models: the key 'on' is read as True by one YAML version and as 'on' by another; "
            "choose another name",
        ),
        case(
            "null key",
            f"{TOP}models: {{~: {{}}}}\n",
            ":4: models: the key '~' is not read as text; choose another name",
        ),
        case(
            "list as key",
            f"{TOP}models:\n  ? [a, {{b: c}}]\n  : 1\n",
            ":5: models: a key here is no plain text; write a name",
        ),
        case(
            "alias as key",
            f"{TOP.replace('a', '&x a', 1)}models: {{*x : 1}}\n",
            ":4: models: a key here is no plain text; write a name",
        ),
        case(
            "DVC's brackets in a key",
            f"{TOP}models: {{'${{a}}': 1}}\n",
            ":4: models: a key holds '${', which DVC would expand; rename it",
        ),
        case("null models", f"{TOP}models:\n", f":4: models: {NULL}"),
        case("null model", f"{TOP}models:\n  a:\n", f":5: models.a: {NULL}"),
        case("no models", TOP, ":1: the field 'models' is missing; state it"),
        case("flow nesting", f"{TOP}models: {'[' * 200_000}", f":4: {DEEP}"),
        case("block nesting", TOP + "".join(" " * depth + "a:\n" for depth in range(60)), f":25: {DEEP}"),
        case(
            "nesting in a key",
            f"{TOP}models: {{? {'[' * 200_000}",
            f":4: {DEEP}",
            ":4: models: a key here is no plain text; write a name",
        ),
        case(
            "escape character",
            f"{TOP}models: {{}} # \x1b[2J\n",
            ":4: holds the invisible character U+001B; remove it",
        ),
        case(
            "direction in a comment",
            f"{TOP}models: {{}} # a\u202eb\n",
            ":4: holds the invisible character U+202E; remove it",
        ),
        case(
            "escaped control character",
            TOP.replace("a\n", '"\\e[2J"\n', 1) + "models: {}\n",
            ":1: title: holds the invisible character U+001B; remove it",
        ),
        case(
            "escaped direction in a key",
            f'{TOP}models: {{"a\\u202eb": {{}}}}\n',
            ":4: models: a key holds the invisible character U+202E; remove it",
        ),
        case(
            "lone carriage return",
            TOP.replace("a\n", "a\rb\n", 1) + "models: {}\n",
            ":1: holds the invisible character U+000D; remove it",
        ),
        case(
            "line separator",
            TOP.replace("a\n", "a\u2028b\n", 1) + "models: {}\n",
            ":1: holds the invisible character U+2028; remove it",
        ),
        case("zero byte", f"{TOP}models: {{}}\n\0", ":5: holds the invisible character U+0000; remove it"),
        case(
            "DVC's brackets",
            TOP.replace("a\n", "${b}\n", 1) + "models: {}\n",
            ":1: title: holds '${', which DVC would expand; write it otherwise",
        ),
    ],
)
def test_refused(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    project = small.write(tmp_path, small.head(), {"layer-1": content})
    assert [str(problem) for problem in small.problems(project)] == expected


@pytest.mark.parametrize(
    "content",
    [
        f"{TOP}models: {{}}\n",
        f"---\n{TOP}models: {{}}\n...\n",
        f"{TOP}models: {{}}\n".replace("\n", "\r\n"),
        TOP.replace("a\n", "|\n  two\n  lines\n", 1) + "models: {}\n",
        TOP.replace("a\n", "ñ á\u00a0«b» 12\tc\n", 1) + "models: {}\n",
        TOP.replace("a\n", "&anchor a\n", 1) + "models: {}\n",
        TOP.replace("title", '"title"', 1) + "models: {}\n",
    ],
)
def test_allowed(tmp_path: Path, content: str) -> None:
    project = small.write(tmp_path, small.head(), {"layer-1": content})
    assert small.problems(project) == []


def test_bombs_cost_no_time(tmp_path: Path) -> None:
    """A chain of aliases that would unfold to 10^9 items, and four megabytes of brackets."""
    chain = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    begun = time.process_time()
    project = small.write(tmp_path, small.head(), {"layer-1": chain + TOP + "models: {}\n"})
    assert len([p for p in small.problems(project) if "the alias *a" in p.what]) == 90
    project = small.write(tmp_path, small.head(), {"layer-1": TOP + "models: " + "[{a: " * 750_000})
    assert [p.what for p in small.problems(project)] == ["is nested more than 20 levels deep"]
    assert time.process_time() - begun < 5


def test_too_large(tmp_path: Path) -> None:
    project = small.write(tmp_path, small.head(), {"layer-1": b"#" * 4_000_001})
    (problem,) = small.problems(project)
    assert str(problem) == f"{L}: is larger than 4 MB; split the layer"


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    project = small.write(tmp_path, small.head(layers=["layer-1", "layer-2"]), {})
    (tmp_path / "layers" / "layer-1" / "params.yaml").mkdir(parents=True)
    assert [str(problem) for problem in small.problems(project)] == [
        f"{L}: cannot be read: Is a directory",
        (
            "layers/layer-2/params.yaml: the file is missing; "
            "create layers/layer-2/params.yaml, or take its layer off the list"
        ),
    ]


def test_a_broken_head_hides_no_layer(tmp_path: Path) -> None:
    """Its layers are still read; what cannot be told of its families is not missed."""
    project = small.write(
        tmp_path, small.head(families=None), {"layer-1": small.layer({"a": small.entry(size=-1)})}
    )
    assert [problem.key for problem in small.problems(project)] == ["models.a.size", "families"]


def test_key_path() -> None:
    assert places.key_path(("models", "uvdoc", "sources", 0)) == "models.uvdoc.sources[0]"
    assert places.key_path(()) == ""
    assert places.key_path(("a b", "c.d", "\n")) == "['a b']['c.d']['\\n']"


def test_lines_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a:\n  b: [1,\n    2]\n  c: >-\n    text\n", encoding="utf-8")
    document = places.read(path, "params.yaml")
    assert document.data == {"a": {"b": [1, 2], "c": "text"}}
    keys = [("a",), ("a", "b"), ("a", "b", 1), ("a", "c"), ("a", "unknown"), ("unknown",)]
    assert [document.line(key) for key in keys] == [1, 2, 3, 4, 1, 1]


def test_of_a_million_problems_a_thousand_are_listed(tmp_path: Path) -> None:
    """A file of nonsense costs neither the memory nor the log that its length would buy."""
    lines = "".join(f"k{number}: 1\n" for number in range(3000))
    project = small.write(tmp_path, small.head(), {"layer-1": lines})
    found = small.problems(project)
    assert len(found) == places.MOST + 1
    assert [problem.what for problem in found].count("more is wrong than is listed") == 1
