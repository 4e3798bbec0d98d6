"""What follows from what is said of a checkpoint, before it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from restoration_models import catalogue, newcomer
from restoration_models.catalogue.words import UnclearWords, words
from restoration_models.editing import BadName, NameTaken
from restoration_models.errors import RestorationModelsError, UsageProblem
from restoration_models.newcomer import (
    Decided,
    NoSuchFile,
    NotSaid,
    UnknownFamily,
    UnknownSaid,
    UnknownTask,
    Wanted,
)
from restoration_models.project import Project
from restoration_models.recognition import Recognised
from restoration_models.sources import SourceProblem
from support import catalogue as made

OWN = {"spdx": "CC-BY-NC-4.0", "commercial-use": "no", "note": {"es": "a", "en": "b"}}
FOUND = Recognised(9, "a" * 64, "b" * 32, "torch-zip", None, "Restormer", 3, 7, 2, "c" * 64, frozenset())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A family with a licence, one without; a model of the first, and one with its own licence."""
    families = made.HEAD["families"]
    bare = {key: value for key, value in families["restormer"].items() if key != "licence"}
    head = made.head(families={**families, "bare": bare})
    entries = {"first": made.entry(1), "second": made.entry(2, licence=OWN, withdrawn="Bad", base="first")}
    return made.write(tmp_path, head, {"layer-1": made.layer(entries)})


@pytest.mark.parametrize("begin", ["HTTPS://", "ftp://", "s3://", "https:", ""])
def test_an_address_that_is_none_is_told_without_its_password(begin: str) -> None:
    assert "pw" not in str(NoSuchFile(f"{begin}me:pw@cdn.example/x.pth?token=pw"))
    assert "weights/a=b@c.pth: there is no such file" in str(NoSuchFile("weights/a=b@c.pth"))


def decide(project: Project, file: str = "x.pth", address: str | None = None, **said: Any) -> Decided:
    given = {"layer": "layer-1", "family": "restormer", "task": "deraining", **said}
    return newcomer.decide(project, catalogue.load(project), Wanted(**given), file, address)


@pytest.mark.parametrize(
    ("file", "name", "slug", "title"),
    [
        ("real_denoising.pth", None, "restormer-real-denoising", None),
        ("Restormer_Denoising v2.1.pth", None, "restormer-denoising-v2-1", None),
        ("Año.ckpt", None, "restormer-ano", None),
        ("x.pth", "our-own", "our-own", None),
        ("x.pth", "Our own, ñ", "our-own-n", "Our own, ñ"),
    ],
)
def test_names(project: Project, file: str, name: str | None, slug: str, title: str | None) -> None:
    found = decide(project, file, name=name)
    assert (found.slug, found.title) == (slug, title)


@pytest.mark.parametrize(
    ("said", "failure", "told"),
    [
        ({"layer": "layer-9"}, UnknownSaid, "layer-9: no layer of that name; the layers are layer-1"),
        (
            {"family": "restorer"},
            UnknownFamily,
            (
                "restorer: no family of that name; did you mean restormer? "
                "(a new one is declared in params.yaml)"
            ),
        ),
        ({"task": "deranging"}, UnknownTask, "deranging: no task of that name; did you mean deraining?"),
        (
            {"family": None},
            NotSaid,
            "models add: --family is missing; give it, or the --base that it is taken from",
        ),
        ({"base": "fist"}, UnknownSaid, "fist: no model of that name in the catalogue; did you mean first?"),
        (
            {"name": "first"},
            NameTaken,
            "first: is already a model of layer-1; choose another with --name",
        ),
        ({"name": "ours!"}, BadName, None),
        ({"name": "reports"}, BadName, "reports: 'reports' cannot be a name here; choose another"),
        (
            {"family": "bare"},
            NotSaid,
            (
                "models add: no licence is stated, and the family bare has none; give --licence SPDX and "
                "--commercial-use (NOASSERTION where none is known)"
            ),
        ),
        (
            {"commercial_use": "no"},
            NotSaid,
            "models add: a licence's terms were given without it; name it with --licence",
        ),
        ({"sources": ("http://example.com/x.pth",)}, SourceProblem, None),
    ],
)
def test_what_cannot_be_is_said_with_its_remedy(
    project: Project, said: dict[str, Any], failure: type[RestorationModelsError], told: str | None
) -> None:
    with pytest.raises(failure) as caught:
        decide(project, **said)
    assert caught.value.remedy
    assert told is None or str(caught.value) == told
    assert (caught.value.status == 2) == (failure not in (NameTaken, SourceProblem))


def test_a_leftover_of_a_former_model_is_not_taken_over(project: Project) -> None:
    project.model("layer-1", "restormer-x").mkdir()
    with pytest.raises(NameTaken) as caught:
        decide(project)
    assert str(caught.value) == (
        "restormer-x: layers/layer-1/restormer-x is there already, of no model of the catalogue; "
        "delete it, or choose another with --name"
    )


def test_a_base_gives_family_task_and_its_own_licence(project: Project) -> None:
    found = decide(project, family=None, task=None, base="second", name="third")
    assert (found.family, found.task, found.licence) == ("restormer", "denoising-real", OWN)
    assert found.notes == ("second, which it comes from, is withdrawn",)
    assert decide(project, base="first").licence is None


def test_a_licence_that_allows_more_than_the_bases_is_noted(project: Project) -> None:
    found = decide(project, base="second", licence="MIT", commercial_use="yes")
    assert found.licence == {"spdx": "MIT", "commercial-use": "yes"}
    assert found.notes[0] == (
        "CC-BY-NC-4.0, the licence of second, forbids commercial use; this entry allows it"
    )
    unclear = decide(project, licence="NOASSERTION", licence_note="asked")
    assert unclear.licence == {"spdx": "NOASSERTION", "commercial-use": "unclear", "note": "asked"}


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("x.safetensors", "x.safetensors", 0),
        ("weights-1.pth", "restormer-weights-1.pth", 1),
        ("a b.ckpt", "restormer-a-b.ckpt", 1),
        ("weights", "weights", 0),
    ],
)
def test_a_file_keeps_its_name_where_it_can(project: Project, file: str, name: str, said: int) -> None:
    """Two models of a family cannot be published under one name; a training run calls them all the same."""
    found = decide(project, file)
    assert (found.file, len(found.notes)) == (name, said)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.com/a/x.pth?download=1", "x.pth"),
        ("https://example.com/a/b%20c.pth", "b c.pth"),
        ("https://drive.google.com/uc?id=1234567890", ""),
        ("pypi:a==1.0/b/c.pkl", "c.pkl"),
        ("file:///srv/x.pth", "x.pth"),
    ],
)
def test_the_name_of_a_file_at_an_address(address: str, name: str) -> None:
    assert newcomer.file_name(address) == name


def test_a_file_without_a_name_needs_one(project: Project) -> None:
    drive = "https://drive.google.com/uc?id=1234567890"
    with pytest.raises(NotSaid, match="the model has no name; give one with --name"):
        decide(project, "", drive)
    found = decide(project, "", drive, name="ours")
    assert (found.file, found.sources, found.notes) == ("ours.pth", (drive,), ())


def test_the_entry_says_what_was_found(project: Project) -> None:
    wanted = Wanted("layer-1", "restormer", "deraining", min_gain_db=0.5, allow_globals=("a.b",))
    decided = newcomer.decide(project, catalogue.load(project), wanted, "x.pth", None)
    assert newcomer.entry(wanted, decided, FOUND) == {
        "family": "restormer",
        "task": "deraining",
        "file": "x.pth",
        "size": 9,
        "sha256": "a" * 64,
        "md5": "b" * 32,
        "confidence": "computed",
        "origin": "local",
        "expects": {
            "architecture": "Restormer",
            "input-channels": 3,
            "min-gain-db": 0.5,
            "allow-globals": ["a.b"],
        },
        "parameters": 7,
        "tensors": 2,
    }


def test_texts_are_for_both_languages_or_one_for_each() -> None:
    assert words("--why", None) is None
    assert words("--why", [" Bad: very "]) == "Bad: very"
    assert words("--why", ["en: Bad", "es:Mal"]) == {"es": "Mal", "en": "Bad"}
    for texts in (["es: Mal"], ["a", "b"], ["es: a", "es: b"], ["es: a", "en: "], [""]):
        with pytest.raises(UnclearWords) as caught:
            words("--why", texts)
        assert isinstance(caught.value, UsageProblem)
