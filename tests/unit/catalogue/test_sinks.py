"""Where a checked catalogue's values end up, and that none gets there which could do harm."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from restoration_models import catalogue
from restoration_models.catalogue import examine
from restoration_models.catalogue.loader import published_name
from restoration_models.project import Project
from support import catalogue as small
from support.effort import examples
from support.facts import ROOT

ATTACKS = [
    "; touch x",
    "$(touch x)",
    "`touch x`",
    "a b",
    "a\nb",
    "a|b",
    "a&b",
    "a>b",
    "-rf",
    "--option",
    "~",
    "*",
    "'a",
    '"a',
    "../a",
    "/etc/a",
    "a/../../b",
    "a/b",
    ".",
    "..",
    ".hidden",
    "a\\b",
    "C:a",
    "",
    " ",
    "a\u202eb",
    "a\x1b[0m",
    "\uff41",
    "\0",
    "${a}",
    "#a",
    "a;b",
    "!a",
    "a\tb",
    "a\r",
    "con\u200bfig",
    "a'b",
    "{a,b}",
    "%PATH%",
    "x" * 400,
]
WORDS = (
    st.sampled_from(ATTACKS) | st.text(max_size=10) | st.from_regex(r"[A-Za-z0-9._+-]{1,12}", fullmatch=True)
)
PIPELINES = ["dvc.yaml", "layers/layer-1/dvc.yaml", "layers/layer-2/dvc.yaml"]
REACH_A_SHELL = {
    "key",
    "item",
    "item.sha256",
    "item.task",
    "item.expects",
    "item.file",
    "validation.protocol",
}


def written(tmp_path: Path, head: dict[str, Any], models: dict[str, Any], name: str = "layer-1") -> Project:
    if not re.fullmatch(r"[\w.+-]{1,100}", name) or name in (".", ".."):
        name = "layer-1"
    return small.write(tmp_path, head, {name: small.layer(models)})


def test_what_the_pipeline_puts_on_a_command_line() -> None:
    """The list that the tests below go by; a further value must come with a test of its own."""
    used = set()
    for name in PIPELINES:
        used |= set(re.findall(r"\$\{([^}]+)\}", (ROOT / name).read_text(encoding="utf-8")))
    assert used - {"models", "layers"} == REACH_A_SHELL


@examples(150)
@given(
    st.sampled_from(
        ["slug", "layer", "family", "file", "task", "architecture", "wrapper-key", "allow-globals"]
    ),
    WORDS,
)
def test_no_value_is_more_than_a_word_to_a_shell_or_leaves_its_folder(
    tmp_path: Path, field: str, word: str
) -> None:
    """Either the loader refuses it, or it is one word, no option, and one step in a path."""
    entry, slug, head, layer = small.entry(1), "a", small.head(), "layer-1"
    if field == "slug":
        slug = word
    elif field == "layer":
        head, layer = small.head(layers=[word]), word
    elif field == "family":
        head["families"][word] = head["families"]["restormer"]
        entry["family"] = word
    elif field in ("file", "task"):
        entry[field] = word
    else:
        entry["expects"] |= {field: [word] if field == "allow-globals" else word}
        head["families"]["restormer"]["architecture"] = entry["expects"]["architecture"]
    try:
        project = written(tmp_path, head, {slug: entry}, layer)
    except (ValueError, OSError, yaml.YAMLError, UnicodeError):
        return  # no file could hold it
    loaded, problems = examine(project)
    if loaded is None:
        assert problems
        return
    for found in (slug, layer, entry["family"], entry["file"], entry["task"], *expected(entry)):
        assert shlex.split(found) == [found]
        assert not found.startswith("-")
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", found)
    model = loaded.models[0]
    checkpoint = project.checkpoint(model.layer, model.slug, model.file)
    assert checkpoint.resolve().parent == (project.layer(model.layer) / model.slug).resolve()
    assert loaded.published_name(model).startswith("pretrained_models/")


def expected(entry: dict[str, Any]) -> list[str]:
    expects = entry["expects"]
    return [expects["architecture"], expects.get("wrapper-key", "x"), *expects.get("allow-globals", [])]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "field", ["slug", "file", "wrapper-key", "allow-globals", "publish", "aliases", "sha256", "spdx"]
)
def test_each_attack_is_refused(tmp_path: Path, field: str, attack: str) -> None:
    entry, slug, layer = small.entry(1), "a", {}
    if field == "slug":
        slug = attack
    elif field == "file":
        entry["file"] = attack
    elif field == "sha256":
        entry["sha256"] = attack
    elif field == "publish":
        layer = {"publish": f"pretrained_models/{attack}"}
    elif field == "aliases":
        entry["aliases"] = [f"pretrained_models/{attack}"]
    elif field == "spdx":
        entry["licence"] = {"spdx": attack, "commercial-use": "yes"}
    else:
        entry["expects"] |= {field: [attack] if field == "allow-globals" else attack}
    if field in ("publish", "aliases") and attack in ("a/b", ".hidden", "-rf", "--option"):
        return  # names of objects, which no shell and no file system sees
    text = small.layer({slug: entry}, **layer)
    project = small.write(tmp_path, small.head(), {"layer-1": text})
    loaded, problems = examine(project)
    assert loaded is None
    assert problems
    assert all(problem.what.isprintable() for problem in problems)


def test_published_names_stay_under_their_root() -> None:
    loaded = catalogue.load(Project(ROOT))
    for model in loaded.models:
        name = published_name(loaded.layer(model.layer).publish, model)
        assert name.startswith("pretrained_models/")
        assert ".." not in name.split("/")
