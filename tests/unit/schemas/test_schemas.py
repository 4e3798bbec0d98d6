"""The JSON schemas that editors read: valid, up to date, of the loader's mind, and worth hovering over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from restoration_models import schemas
from restoration_models.project import Project
from support import catalogue as small
from support.facts import ROOT

NAMES = ["head.schema.json", "layer.schema.json"]
"""Of the params files: strict, for a person types them."""
ALL = [*NAMES, "manifest.schema.json"]
SCHEMAS = {name: json.loads(text) for name, text in schemas.texts().items()}


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[name])


def accepts(name: str, data: Any) -> bool:
    return validator(name).is_valid(data)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from nodes(part)


@pytest.mark.parametrize("name", ALL)
def test_valid_against_its_metaschema(name: str) -> None:
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_committed_schemas_are_up_to_date() -> None:
    assert schemas.stale(Project(ROOT)) == []
    assert {path.name for path in (ROOT / "schemas").iterdir()} == set(ALL)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("params.yaml", "head.schema.json"),
        ("layers/layer-1/params.yaml", "layer.schema.json"),
        ("layers/layer-2/params.yaml", "layer.schema.json"),
    ],
)
def test_real_files_validate_and_name_their_schema(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    reference = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert ((ROOT / file).parent / reference).resolve() == ROOT / "schemas" / name
    errors = [error.message for error in validator(name).iter_errors(yaml.safe_load(text))]
    assert errors == []


@pytest.mark.parametrize("name", ALL)
def test_every_key_has_a_text_to_show(name: str) -> None:
    silent = [
        f"{node.get('title')}.{key}"
        for node in nodes(SCHEMAS[name])
        if isinstance(node.get("properties"), dict)
        for key, value in node["properties"].items()
        if len(value.get("description", "")) < 8
    ]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_kebab_case_and_no_other_is_known(name: str) -> None:
    objects = [node for node in nodes(SCHEMAS[name]) if isinstance(node.get("properties"), dict)]
    assert objects
    assert all(node["additionalProperties"] is False for node in objects)
    assert not [key for node in objects for key in node["properties"] if "_" in key]


def test_the_small_catalogue_validates() -> None:
    assert accepts("head.schema.json", small.head())
    assert accepts(
        "layer.schema.json", small.layer({"a": small.entry(hyperparameters={"a": 1, "b": 1.5, "c": [1]})})
    )
    assert accepts("layer.schema.json", small.layer({}))


@pytest.mark.parametrize(
    "change",
    [
        {"sha_256": "x"},
        {"sha256": "ab"},
        {"sha256": None},
        {"md5": "x" * 32},
        {"size": 0},
        {"size": "12"},
        {"task": "denoising"},
        {"file": "../a.pth"},
        {"expects": {"architecture": "-x"}},
        {"expects": {"architecture": "a", "wrapper_key": "b"}},
        {"expects": {"architecture": "a", "input-channels": 0}},
        {"expects": {}},
        {"title": ["a"]},
        {"title": {"es": "a"}},
        {"training-data": ""},
        {"metrics": [{"dataset": "D"}]},
        {"pages": ["http://example.com/a"]},
        {"origin": "remote"},
        {"hyperparameters": {"a b": 1}},
        {"hyperparameters": {"a": {}}},
        {"base": "A"},
    ],
    ids=str,
)
def test_wrong_entries_do_not_validate(change: dict[str, Any]) -> None:
    entry = {**small.entry(), **change}
    assert accepts("layer.schema.json", small.layer({"a": small.entry()}))
    assert not accepts("layer.schema.json", small.layer({"a": entry}))


@pytest.mark.parametrize("name", ["A", "a_b", "1a", "a" * 81, ""])
def test_names_of_models_are_checked(name: str) -> None:
    assert not accepts("layer.schema.json", small.layer({name: small.entry()}))


@pytest.mark.parametrize(
    "change",
    [
        {"language": "fr"},
        {"layers": []},
        {"layers": ["A"]},
        {"validation": {}},
        {"families": {"A": {}}},
        {"x": 1},
    ],
    ids=str,
)
def test_wrong_heads_do_not_validate(change: dict[str, Any]) -> None:
    assert not accepts("head.schema.json", {**copy.deepcopy(small.head()), **change})


def test_write_renews_what_is_stale_and_nothing_else(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert [str(problem) for problem in schemas.stale(project)] == [
        f"schemas/{name}: the schema is missing; run `models schema`" for name in ALL
    ]
    assert schemas.write(project) == [tmp_path / "schemas" / name for name in ALL]
    assert schemas.write(project) == []
    (tmp_path / "schemas" / NAMES[1]).write_bytes(b"\xff")
    assert [str(problem) for problem in schemas.stale(project)] == [
        f"schemas/{NAMES[1]}: the schema is not what the catalogue's types give; run `models schema`"
    ]
    assert schemas.write(project) == [tmp_path / "schemas" / NAMES[1]]
    assert schemas.stale(project) == []
