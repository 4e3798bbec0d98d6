"""Many faults at once, faults over several layers, and what is no fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import catalogue as small
from support.catalogue import entry, head, layer
from support.faults import KEBAB, TASKS, WORD, L, one, two


def test_the_valid_catalogue_that_the_cases_break(tmp_path: Path) -> None:
    assert small.problems(small.write(tmp_path, *two())) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": [], "origin": "local"},
        {"origin": "local", "sources": None},
        {"licence": {"spdx": "NOASSERTION", "commercial-use": "no"}},
        {"title": "T", "description": {"es": "a", "en": "b"}, "withdrawn": "it was wrong"},
        {"expects": {"architecture": "unregistered"}},
        {"expects": {"architecture": "Restormer", "allow-globals": ["a.b", "c.d"], "min-gain-db": -1.5}},
        {"hyperparameters": {"a": 1, "b": 2.5, "c": "x", "d": True, "e": [1, 2]}},
        {"aliases": ["pretrained_models/layer_1/old.pth"]},
        {"sources": ["https://a.example/x", "https://b.example/x", "pypi:p==1/a/b.pth", "file:a.pth"]},
        {"training_data": "Español: <b>|`*_ $x & 中文 «»", "notes": ["# not a heading\n- nor a list"]},
    ],
)
def test_what_is_allowed(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert small.problems(small.write(tmp_path, *one(**changes))) == []


def test_over_two_layers(tmp_path: Path) -> None:
    """Slugs, digests and published names are unique over all layers; a base may be in another."""
    again = entry(2, sha256=entry(1)["sha256"], aliases=["pretrained_models/layer_1/restormer/weights-1.pth"])
    layers = {
        "layer-1": layer({"a": entry(1)}),
        "layer-2": layer({"a": again, "b": entry(3, base="a")}, publish="pretrained_models/layer_2"),
    }
    project = small.write(tmp_path, head(layers=["layer-1", "layer-2"]), layers)
    assert [str(problem) for problem in small.problems(project)] == [
        "layers/layer-2/params.yaml:5: models.a: a is also a model of layers/layer-1/params.yaml; rename one",
        (
            "layers/layer-2/params.yaml:10: models.a.sha256: a has the same digest; remove one; "
            "a second name is an alias of a"
        ),
        (
            "layers/layer-2/params.yaml:18: models.a.aliases[0]: a is already published as "
            "pretrained_models/layer_1/restormer/weights-1.pth; choose another name"
        ),
    ]


def test_all_faults_in_one_run(tmp_path: Path) -> None:
    """Faults of the head, of the form, of types, of one entry and of several together, in order of place."""
    models = {
        "first": entry(1, task="denoising"),
        "second": entry(2, sha256="12", sources=None),
        "third": entry(3, family="nafnt", size=0),
        "fourth": entry(4, sha256=entry(1)["sha256"], base="fith"),
        "Fifth": entry(5, file="a/b.pth"),
    }
    text = small.text(layer(models)).replace('"wrapper-key": "params"', '"wrapper-key": on', 1)
    project = small.write(tmp_path, head(language="fr"), {"layer-1": text})
    assert [str(problem) for problem in small.problems(project)] == [
        f"{L}:7: models.first.task: 'denoising': must be one of {TASKS}; did you mean 'denoising-real'?",
        (
            f"{L}:15: models.first.expects.wrapper-key: 'on' is read as True by one YAML version "
            "and as 'on' by another; put it between quotes"
        ),
        (
            f"{L}:17: models.second: no source; "
            "give one under sources, or origin: local for weights that only the store has"
        ),
        f"{L}:22: models.second.sha256: '12': must be 64 lower-case hexadecimal digits",
        f"{L}:28: models.third.family: unknown family 'nafnt'; declare it in params.yaml; known: restormer",
        f"{L}:31: models.third.size: 0: must be greater than 0",
        (
            f"{L}:44: models.fourth.sha256: first has the same digest; remove one; "
            "a second name is an alias of first"
        ),
        f"{L}:51: models.fourth.base: 'fith' is no other model of the catalogue; did you mean 'first'?",
        f"{L}:52: models.Fifth: 'Fifth' is not in kebab-case; {KEBAB}",
        f"{L}:55: models.Fifth.file: 'a/b.pth': {WORD}",
        "params.yaml:3: language: 'fr': must be one of es, en",
    ]
