"""Every known fact stands in the catalogue, and nothing stands there that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from restoration_models.catalogue import Catalogue, Model, load, say
from restoration_models.project import Project
from restoration_models.sources import parse
from support import facts

FACTS = facts.load()["families"]
CHECKPOINTS = [
    pytest.param(family, checkpoint, id=checkpoint["file"])
    for family in facts.FAMILIES
    for checkpoint in FACTS[family]["checkpoints"]
]
PROSE = {"name", "description", "conv_bias", "padding_mode"}
"""Of `arch_common`: what describes the network and is no argument of its constructor."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(Project(facts.ROOT))


def entry_of(catalogue: Catalogue, checkpoint: dict[str, Any]) -> Model:
    (model,) = [model for model in catalogue.models if model.sha256 == checkpoint["sha256"]]
    return model


def shown(model: BaseModel) -> dict[str, Any]:
    """A model of the catalogue as its file has it."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def fact(family: str, checkpoint: dict[str, Any], key: str) -> Any:
    """A fact of a checkpoint; where its family has but one, the family states some of them."""
    found = checkpoint.get(key)
    return FACTS[family].get(key) if found is None and len(FACTS[family]["checkpoints"]) == 1 else found


def test_snapshot_agrees_with_the_facts_file() -> None:
    if not facts.ORIGINAL.is_file():
        pytest.skip("the facts file is not beside this checkout")
    original = yaml.safe_load(facts.ORIGINAL.read_text(encoding="utf-8"))
    assert facts.snapshot(original) == facts.load()


def test_checkpoints_and_entries_are_the_same_set(catalogue: Catalogue) -> None:
    known = [(family, each["sha256"]) for family in facts.FAMILIES for each in FACTS[family]["checkpoints"]]
    assert sorted(known) == sorted((model.family, model.sha256) for model in catalogue.models)
    assert set(catalogue.families) == set(facts.FAMILIES)


def test_what_is_excluded_has_a_reason_and_no_entry(catalogue: Catalogue) -> None:
    excluded = [each for family in facts.FAMILIES for each in FACTS[family]["excluded"]]
    assert len(excluded) == 6 + 4 + 12 + 5  # restormer, its TorchScript files, nafnet, uvdoc
    assert all(each["why"] for each in excluded)
    assert not {each["file"] for each in excluded} & {model.file for model in catalogue.models}


@pytest.mark.parametrize(("family", "checkpoint"), CHECKPOINTS)
def test_identity(catalogue: Catalogue, family: str, checkpoint: dict[str, Any]) -> None:
    model = entry_of(catalogue, checkpoint)
    assert (model.family, model.task, model.file) == (family, checkpoint["task"], checkpoint["file"])
    assert (model.size, model.md5) == (checkpoint["size_bytes"], checkpoint.get("md5"))
    assert model.confidence == checkpoint["confidence"]


@pytest.mark.parametrize(("family", "checkpoint"), CHECKPOINTS)
def test_sources_in_order_and_pages(catalogue: Catalogue, family: str, checkpoint: dict[str, Any]) -> None:
    model = entry_of(catalogue, checkpoint)
    assert list(model.sources) == facts.sources(checkpoint)
    assert list(model.pages) == facts.pages(checkpoint)


@pytest.mark.parametrize(("family", "checkpoint"), CHECKPOINTS)
def test_network(catalogue: Catalogue, family: str, checkpoint: dict[str, Any]) -> None:
    model = entry_of(catalogue, checkpoint)
    common = {key: value for key, value in FACTS[family]["arch_common"].items() if key not in PROSE}
    arguments = common | {key: value for key, value in checkpoint.get("arch", {}).items() if key != "name"}
    assert catalogue.families[family].hyperparameters | model.hyperparameters == arguments
    channels = next(
        arguments[key] for key in ("inp_channels", "img_channel", "in_channels") if key in arguments
    )
    assert shown(model.expects) == {
        "architecture": {"restormer": "Restormer", "nafnet": "NAFNet", "uvdoc": "UVDoc"}[family],
        "wrapper-key": FACTS[family]["checkpoint_format"]["wrapper_key"],
        "input-channels": channels,
    }
    assert model.parameters == fact(family, checkpoint, "params")
    tensors = checkpoint.get("tensors") or FACTS[family]["checkpoint_format"].get("tensors")
    assert model.tensors == tensors


@pytest.mark.parametrize(("family", "checkpoint"), CHECKPOINTS)
def test_training_and_figures(catalogue: Catalogue, family: str, checkpoint: dict[str, Any]) -> None:
    model = entry_of(catalogue, checkpoint)
    assert model.training_data == fact(family, checkpoint, "training_data")
    assert model.evaluated_as == checkpoint.get("evaluated_as")
    expected = facts.metrics(fact(family, checkpoint, "metrics"))
    assert [shown(metric) for metric in model.metrics] == expected


@pytest.mark.parametrize(("family", "checkpoint"), CHECKPOINTS)
def test_evidence_and_notes(catalogue: Catalogue, family: str, checkpoint: dict[str, Any]) -> None:
    model = entry_of(catalogue, checkpoint)
    assert list(model.evidence) == checkpoint["sources"]
    remarks = [key for key in ("note", "metrics_note") if key in checkpoint]
    second_hand = "seen in" in checkpoint["urls"].get("drive_file_id_source", "")
    assert len(model.notes) >= len(remarks) + second_hand
    assert any("Drive" in say(note, "en") for note in model.notes) or not second_hand


@pytest.mark.parametrize("family", facts.FAMILIES)
def test_family(catalogue: Catalogue, family: str) -> None:
    known, entry = FACTS[family], catalogue.families[family]
    assert known["title"].startswith(entry.title)
    assert shown(entry.paper) == known["paper"]
    assert entry.upstream == known["upstream"]
    form = known["checkpoint_format"]
    assert entry.format is not None
    assert entry.format.wrapper_key == form["wrapper_key"]
    assert entry.format.first_layer == form.get("first_layer")
    # One fact adds what the layer is for, after the name.
    assert entry.format.last_layer == form["last_layer"].split()[0]
    assert entry.head == (f"{entry.format.last_layer}.*",)
    assert entry.input is not None
    # UVDoc resizes by itself: any size goes in.
    assert entry.input.size_multiple == known["input"].get("size_multiple", 1)


@pytest.mark.parametrize(
    ("family", "commercial_use", "source"),
    [
        ("restormer", "unclear", FACTS["restormer"]["licence"]["now"]),
        (
            "nafnet",
            "yes",
            "https://github.com/megvii-research/NAFNet/blob/2b4af71ebe098a92a75910c233a3965a3e93ede4/LICENSE",
        ),
        (
            "uvdoc",
            "yes",
            "https://github.com/tanguymagne/UVDoc/blob/4c9b82b537057aff2526e6dd118a847cdd072e82/LICENSE",
        ),
    ],
)
def test_licence(catalogue: Catalogue, family: str, commercial_use: str, source: str) -> None:
    licence = catalogue.families[family].licence
    assert licence is not None
    assert (licence.spdx, licence.commercial_use) == (FACTS[family]["licence"]["spdx"], commercial_use)
    assert licence.source == source
    assert licence.note is not None


@pytest.mark.parametrize("language", ["es", "en"])
def test_restormer_licence_caveat_is_told(catalogue: Catalogue, language: str) -> None:
    """MIT today, but the weights were released under terms that forbid commercial use."""
    licence = catalogue.families["restormer"].licence
    assert licence is not None
    assert licence.note is not None
    note = say(licence.note, language)
    assert "ACADEMIC PUBLIC LICENSE" in note
    assert "2025-10-23" in note


def test_docunet_role_is_told(catalogue: Catalogue) -> None:
    role = catalogue.families["uvdoc"].role
    assert role is not None
    assert all("DocUNet" in say(role, language) for language in ("es", "en"))


def texts(value: Any) -> Iterator[str]:
    """Every text in `value`, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)


def named(text: str) -> set[str]:
    """The addresses, digests, numbers and dates in `text`."""
    return set(re.findall(r"https://[^\s);]+|\b[0-9a-f]{12,}\b|\d+(?:[.-]\d+)*", text.replace(",", "")))


def test_no_address_digest_or_number_that_the_facts_lack(catalogue: Catalogue) -> None:
    """What a text of the catalogue names is named by a fact."""
    known: set[str] = set()
    for text in texts(facts.load()):
        # A file of a repository at a commit is a page in the catalogue.
        page = re.sub(r"(\S+/\S+)@([0-9a-f]{40}) LICENSE\b", r"https://github.com/\1/blob/\2/LICENSE", text)
        known |= named(text) | named(page)
    for family in facts.FAMILIES:
        for checkpoint in FACTS[family]["checkpoints"]:
            known |= named(" ".join(facts.sources(checkpoint))) | {str(checkpoint["size_bytes"])}
    stated = [shown(family) for family in catalogue.families.values()] + [shown(m) for m in catalogue.models]
    found = set().union(*(named(text) for text in texts(stated)))
    assert len(found) > 100
    assert sorted(found - known) == []


def test_every_source_is_understood(catalogue: Catalogue) -> None:
    kinds = {parse(address).kind for model in catalogue.models for address in model.sources}
    assert kinds == {"github", "huggingface", "gdrive", "pypi"}


def test_texts_are_in_both_languages(catalogue: Catalogue) -> None:
    """A text that is the same in both is a name; sentences are written twice."""
    for model in catalogue.models:
        for words in (model.description, *model.notes):
            assert words is not None
            assert not isinstance(words, str), model.slug
            assert words.es != words.en
