"""What else an entry says.

Each rule broken once: the message, and the file, line and key it names.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from support import catalogue as small
from support.faults import TASKS, WORD, Files, L, case, expects, metric, one

CASES = [
    case(
        "unknown family",
        one(family="restormr"),
        f"{L}:6: models.a.family: unknown family 'restormr'; did you mean 'restormer'?",
    ),
    case(
        "unknown family unlike any",
        one(family="zzz"),
        f"{L}:6: models.a.family: unknown family 'zzz'; declare it in params.yaml; known: restormer",
    ),
    case(
        "unknown task like another",
        one(task="denoising-reel"),
        f"{L}:7: models.a.task: 'denoising-reel': must be one of {TASKS}; did you mean 'denoising-real'?",
    ),
    case("unknown task unlike any", one(task="zzz"), f"{L}:7: models.a.task: 'zzz': must be one of {TASKS}"),
    case(
        "unknown key",
        one(sha_256="x"),
        f"{L}:17: models.a.sha-256: unknown key 'sha-256'; did you mean 'sha256'?",
    ),
    case("unknown key unlike any", one(qqq=1), f"{L}:17: models.a.qqq: unknown key 'qqq'; remove it"),
    case(
        "nested unknown key",
        one(expects={"architecture": "Restormer", "wrapper_key": "params"}),
        f"{L}:15: models.a.expects.wrapper_key: unknown key 'wrapper_key'; did you mean 'wrapper-key'?",
    ),
    case("missing field", one(file=None), f"{L}:5: models.a: the field 'file' is missing; state it"),
    case("missing expects", one(expects=None), f"{L}:5: models.a: the field 'expects' is missing; state it"),
    case(
        "other architecture",
        expects(architecture="NAFNet"),
        f"{L}:14: models.a.expects.architecture: 'NAFNet' is not the family's architecture "
        "'Restormer'; write Restormer or unregistered",
    ),
    case(
        "option as architecture",
        expects(architecture="--help"),
        f"{L}:14: models.a.expects.architecture: '--help': {WORD}",
    ),
    case(
        "shell in wrapper key",
        expects(wrapper_key="a$(id)"),
        f"{L}:15: models.a.expects.wrapper-key: 'a$(id)': {WORD}",
    ),
    case(
        "number as wrapper key",
        expects(wrapper_key=1),
        f"{L}:15: models.a.expects.wrapper-key: 1: must be a text; put it between quotes",
    ),
    case(
        "space in a global",
        expects(allow_globals=["os.system x"]),
        f"{L}:16: models.a.expects.allow-globals[0]: 'os.system x': must be a dotted Python name "
        "such as torch._utils._rebuild_tensor_v2",
    ),
    case(
        "option as global",
        expects(allow_globals=["-x"]),
        f"{L}:16: models.a.expects.allow-globals[0]: '-x': must be a dotted Python name such as "
        "torch._utils._rebuild_tensor_v2",
    ),
    case(
        "infinite gain",
        expects(min_gain_db=math.inf),
        f"{L}:15: models.a.expects.min-gain-db: '.inf' is no finite number; write a number",
    ),
    case(
        "gain text",
        expects(min_gain_db="2"),
        f"{L}:15: models.a.expects.min-gain-db: '2': must be a number; write it without quotes",
    ),
    case(
        "no channels",
        expects(input_channels=0),
        f"{L}:15: models.a.expects.input-channels: 0: must be greater than or equal to 1",
    ),
    case(
        "too many channels",
        expects(input_channels=65),
        f"{L}:15: models.a.expects.input-channels: 65: must be less than or equal to 64",
    ),
    case(
        "dvc expression",
        one(training_data="${models}"),
        f"{L}:17: models.a.training-data: holds '${{', which DVC would expand; write it otherwise",
    ),
    case(
        "escape character",
        one(training_data="a\x1b[31m"),
        f"{L}:17: models.a.training-data: holds the invisible character U+001B; remove it",
    ),
    case(
        "direction character",
        one(notes=["a\u202eb"]),
        f"{L}:18: models.a.notes[0]: holds the invisible character U+202E; remove it",
    ),
    case(
        "alias outside",
        one(aliases=["other/a.pth"]),
        f"{L}:18: models.a.aliases[0]: 'other/a.pth': must be a name under pretrained_models/ "
        "without empty, '.' or '..' parts",
    ),
    case(
        "alias with ..",
        one(aliases=["pretrained_models/../a.pth"]),
        f"{L}:18: models.a.aliases[0]: 'pretrained_models/../a.pth': must be a name under "
        "pretrained_models/ without empty, '.' or '..' parts",
    ),
    case(
        "space in an alias",
        one(aliases=["pretrained_models/a b"]),
        f"{L}:18: models.a.aliases[0]: 'pretrained_models/a b': must be letters, digits and . _ / + -",
    ),
    case(
        "alias of the published name",
        one(aliases=["pretrained_models/layer_1/restormer/weights-1.pth"]),
        f"{L}:18: models.a.aliases[0]: a is already published as "
        "pretrained_models/layer_1/restormer/weights-1.pth; choose another name",
    ),
    case(
        "alias below a published name",
        one(aliases=["pretrained_models/layer_1/restormer/weights-1.pth/x"]),
        f"{L}:18: models.a.aliases[0]: lies below "
        "pretrained_models/layer_1/restormer/weights-1.pth, which a is published as; no store "
        "keeps an object below another: choose another name",
    ),
    case(
        "alias where a card goes",
        one(aliases=["pretrained_models/layer_1/README.md"]),
        f"{L}:18: models.a.aliases[0]: is a name that cards, pictures and reports are published "
        "under; choose another name",
    ),
    case(
        "alias that is a card's folder",
        one(aliases=["pretrained_models/layer_1/restormer/a"]),
        f"{L}:18: models.a.aliases[0]: the card of a is published below that name; choose another name",
    ),
    case(
        "page with credentials",
        one(pages=["https://me:pw@example.com/a"]),
        f"{L}:18: models.a.pages[0]: 'https://…@example.com/a': must be an https:// address "
        "without spaces, quotes or a user name",
    ),
    case(
        "page http",
        one(pages=["http://example.com"]),
        f"{L}:18: models.a.pages[0]: 'http://example.com': must be an https:// address without "
        "spaces, quotes or a user name",
    ),
    case(
        "words list",
        one(title=["a"]),
        f"{L}:17: models.a.title: ['a']: must be a text, or a text for each language: {{es: …, en: …}}",
    ),
    case(
        "words without en",
        one(title={"es": "a"}),
        f"{L}:17: models.a.title: the field 'en' is missing; state it",
    ),
    case(
        "words extra",
        one(title={"es": "a", "en": "b", "fr": "c"}),
        f"{L}:20: models.a.title.fr: unknown key 'fr'; remove it",
    ),
    case("empty text", one(training_data=""), f"{L}:17: models.a.training-data: '': must not be empty"),
    case(
        "long text",
        one(training_data="a" * 4001),
        f"{L}:17: models.a.training-data: is longer than 4000 characters",
    ),
    case(
        "number as text",
        one(training_data=2111.09881),
        f"{L}:17: models.a.training-data: 2111.09881: must be a text; put it between quotes",
    ),
    case(
        "unknown metric",
        metric(metric="PSRN"),
        f"{L}:19: models.a.metrics[0].metric: 'PSRN': must be one of PSNR, SSIM, MS-SSIM, MAE, "
        "AD, LD, ED, CER; did you mean 'PSNR'?",
    ),
    case(
        "figure that is no number",
        metric(value=math.nan),
        f"{L}:20: models.a.metrics[0].value: '.nan' is no finite number; write a number",
    ),
    case(
        "figure without a source",
        metric(source=None),
        f"{L}:18: models.a.metrics[0]: the field 'source' is missing; state it",
    ),
    case("sigma 0", metric(sigma=0), f"{L}:22: models.a.metrics[0].sigma: 0: must be greater than 0"),
    case(
        "figure as text",
        metric(value="1.5"),
        f"{L}:20: models.a.metrics[0].value: '1.5': must be a number; write it without quotes",
    ),
    case(
        "unknown channel",
        metric(channel="y"),
        f"{L}:22: models.a.metrics[0].channel: 'y': must be one of RGB, Y, gray",
    ),
    case(
        "map as hyperparameter",
        one(hyperparameters={"a": {}}),
        f"{L}:18: models.a.hyperparameters.a: {{}}: must be a number, a text, true, false or a "
        "list of whole numbers",
    ),
    case(
        "texts as hyperparameter",
        one(hyperparameters={"a": ["x"]}),
        f"{L}:19: models.a.hyperparameters.a[0]: 'x': must be a whole number",
    ),
    case(
        "space in a hyperparameter",
        one(hyperparameters={"a b": 1}),
        f"{L}:18: models.a.hyperparameters['a b']: 'a b': must be a Python name",
    ),
    case("unknown origin", one(origin="remote"), f"{L}:17: models.a.origin: 'remote': must be local"),
    case("no parameters", one(parameters=0), f"{L}:17: models.a.parameters: 0: must be greater than 0"),
]


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_one_fault(tmp_path: Path, files: Files, expected: list[str]) -> None:
    assert [str(problem) for problem in small.problems(small.write(tmp_path, *files))] == expected
