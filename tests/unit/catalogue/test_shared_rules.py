"""The head, the layers, the families, and what only several entries together show.

Each rule broken once: the message, and the file, line and key it names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import catalogue as small
from support.catalogue import entry, head, layer
from support.faults import Files, L, both, case, families, family, own, paper, top, two

CASES = [
    case(
        "base unknown",
        two(base="c"),
        f"{L}:29: models.b.base: 'c' is no other model of the catalogue; name the model that it came from",
    ),
    case(
        "base itself",
        two(base="b"),
        f"{L}:29: models.b.base: 'b' is no other model of the catalogue; name the model that it came from",
    ),
    case(
        "base like another",
        (head(), {"layer-1": layer({"model-one": entry(1), "b": entry(2, base="model-on")})}),
        f"{L}:29: models.b.base: 'model-on' is no other model of the catalogue; did you mean 'model-one'?",
    ),
    case(
        "circle of bases",
        both({"base": "b"}, {"base": "a"}),
        f"{L}:17: models.a.base: a would come from itself; break the circle",
        f"{L}:30: models.b.base: b would come from itself; break the circle",
    ),
    case(
        "same digest",
        two(sha256=f"{1:064x}"),
        f"{L}:22: models.b.sha256: a has the same digest; remove one; a second name is an alias of a",
    ),
    case(
        "same published name",
        two(file="weights-1.pth"),
        f"{L}:20: models.b.file: a is already published as "
        "pretrained_models/layer_1/restormer/weights-1.pth; choose another name",
    ),
    case(
        "same alias",
        both({"aliases": ["pretrained_models/x"]}, {"aliases": ["pretrained_models/x"]}),
        f"{L}:32: models.b.aliases[0]: a is already published as pretrained_models/x; choose another name",
    ),
    case("no models", own(models=None), f"{L}:1: the field 'models' is missing; state it"),
    case("models as list", own(models=[]), f"{L}:4: models: []: must map keys to values"),
    case("text as entry", own(models={"a": "x"}), f"{L}:5: models.a: 'x': must map keys to values"),
    case(
        "publish outside",
        own(publish="models/layer"),
        f"{L}:3: publish: 'models/layer': must be a name under pretrained_models/ without empty, "
        "'.' or '..' parts",
    ),
    case(
        "publish slash",
        own(publish="pretrained_models/a/"),
        f"{L}:3: publish: 'pretrained_models/a/': must be a name under pretrained_models/ without "
        "empty, '.' or '..' parts",
    ),
    case("no title", own(title=None), f"{L}:1: the field 'title' is missing; state it"),
    case(
        "no protocol",
        top(validation={}),
        "params.yaml:1: validation: the field 'protocol' is missing; state it",
    ),
    case(
        "protocol 0",
        top(validation={"protocol": 0}),
        "params.yaml:2: validation.protocol: 0: must be greater than 0",
    ),
    case("unknown language", top(language="fr"), "params.yaml:3: language: 'fr': must be one of es, en"),
    case(
        "no layers",
        top(layers=[]),
        "params.yaml:4: layers: []: must not be empty",
        "params.yaml:4: layers: the folder layers/layer-1 is not on the list; add layer-1, or "
        "remove the folder",
    ),
    case(
        "text as layers",
        top(layers="layer-1"),
        "params.yaml:4: layers: 'layer-1': must be a list",
        "params.yaml:4: layers: the folder layers/layer-1 is not on the list; add layer-1, or "
        "remove the folder",
    ),
    case(
        "path as layer",
        top(layers=["layer-1", "../x"]),
        "params.yaml:6: layers[1]: '../x': must be kebab-case (lower-case letters, digits and "
        "single dashes, a letter first)",
    ),
    case(
        "layer twice",
        top(layers=["layer-1", "layer-1"]),
        "params.yaml:6: layers[1]: the layer layer-1 is listed twice; keep one",
    ),
    case(
        "YAML word as layer",
        top(layers=["layer-1", "yes"]),
        "params.yaml:6: layers[1]: 'yes' cannot be a name here; choose another",
    ),
    case(
        "layer missing",
        top(layers=["layer-1", "layer-2"]),
        "layers/layer-2/params.yaml: the file is missing; create layers/layer-2/params.yaml, or "
        "take its layer off the list",
    ),
    case(
        "layer not listed",
        (head(), {"layer-1": layer({"a": entry()}), "layer-2": layer({})}),
        "params.yaml:4: layers: the folder layers/layer-2 is not on the list; add layer-2, or "
        "remove the folder",
    ),
    case(
        "capitals in a family",
        families("Bad_One"),
        "params.yaml:19: families.Bad_One: 'Bad_One': must be kebab-case (lower-case letters, "
        "digits and single dashes, a letter first)",
    ),
    case(
        "YAML word as family",
        families("no"),
        "params.yaml:19: families.no: 'no' cannot be a name here; choose another",
    ),
    case("no families", top(families=None), "params.yaml:1: the field 'families' is missing; state it"),
    case(
        "no licence",
        family(licence=None),
        f"{L}:5: models.a: no licence is stated; state one here or for the family",
    ),
    case(
        "licence words",
        family(licence={"spdx": "MIT", "commercial-use": "maybe"}),
        "params.yaml:16: families.restormer.licence.commercial-use: 'maybe': must be one of yes, no, unclear",
    ),
    case(
        "licence spdx",
        family(licence={"spdx": "MIT or so", "commercial-use": "yes"}),
        "params.yaml:15: families.restormer.licence.spdx: 'MIT or so': must be an SPDX identifier",
    ),
    case(
        "arXiv number as a number",
        paper(arxiv=2111.09881),
        "params.yaml:13: families.restormer.paper.arxiv: 2111.09881: must be a text; put it between quotes",
    ),
    case(
        "bad arXiv number",
        paper(arxiv="211"),
        "params.yaml:13: families.restormer.paper.arxiv: '211': must be an arXiv number such as "
        '"2111.09881"',
    ),
    case(
        "DOI as address",
        paper(doi="https://doi.org/10"),
        "params.yaml:13: families.restormer.paper.doi: 'https://doi.org/10': must be a DOI such "
        "as 10.1145/3610548.3618174",
    ),
    case("no head", family(head=[]), "params.yaml:17: families.restormer.head: []: must not be empty"),
    case(
        "space in a head pattern",
        family(head=["a b"]),
        "params.yaml:18: families.restormer.head[0]: 'a b': must be a pattern of parameter names "
        "such as output.*",
    ),
    case(
        "size multiple 0",
        family(input={"layout": "a", "output": "b", "size-multiple": 0}),
        "params.yaml:22: families.restormer.input.size-multiple: 0: must be greater than 0",
    ),
    case(
        "upstream is no address",
        family(upstream="github.com/x"),
        "params.yaml:13: families.restormer.upstream: 'github.com/x': must be an https:// "
        "address without spaces, quotes or a user name",
    ),
    case(
        "family unknown key",
        family(licens=1),
        "params.yaml:19: families.restormer.licens: unknown key 'licens'; did you mean 'licence'?",
    ),
]


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_one_fault(tmp_path: Path, files: Files, expected: list[str]) -> None:
    assert [str(problem) for problem in small.problems(small.write(tmp_path, *files))] == expected
