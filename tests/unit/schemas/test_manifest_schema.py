"""The manifest's schema: of the reader's mind, and open to what later programs add."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from restoration_models import schemas
from restoration_models.manifest import ManifestUnreadable, NotPublished, OtherVersion, parse

SCHEMA = jsonschema.Draft202012Validator(json.loads(schemas.texts()["manifest.schema.json"]))
OBJECT = {"key": "pretrained_models/a", "version_id": "v", "size": 3, "sha256": "0" * 64}
WORDS = {"es": "Una cosa", "en": "A thing"}
MODEL: dict[str, Any] = {
    "slug": "uvdoc", "layer": "layer-2", "task": "document-unwarping", "family": "uvdoc",
    "architecture": "UVDoc",
    "file": "best_model.pkl", "size": 3, "sha256": "0" * 64, "md5": "0" * 32, "fingerprint": "1" * 64,
    "object": OBJECT, "card": OBJECT, "report": OBJECT, "input": {"channels": 3},
    "format": {"container": "torch-zip"},
    "licence": {"spdx": "MIT", "commercial_use": "yes"}, "upstream": "https://example.org",
    "hyperparameters": {"width": 32, "bias": False, "blocks": [1, 2]},
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "version": 1, "commit": "a" * 40, "protocol": 1,
    "layers": [{"slug": "layer-2", "title": WORDS, "purpose": WORDS, "card": OBJECT, "models": ["uvdoc"]}],
    "models": [MODEL],
}  # fmt: skip


def read(data: Any) -> Any:
    return parse(json.dumps(data).encode(), "here")


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    data = copy.deepcopy(MANIFEST)
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return data


def test_what_is_written_is_read_and_fits_the_schema() -> None:
    manifest = read(MANIFEST)
    text = manifest.to_json()
    assert parse(text.encode(), "here") == manifest
    SCHEMA.validate(json.loads(text))
    assert manifest.model("uvdoc").hyperparameters == {"width": 32, "bias": False, "blocks": [1, 2]}
    assert len(manifest.objects()) == 4


def test_a_later_programs_additions_are_left_alone() -> None:
    data = changed("models", 0, "colour", to="blue")
    assert read(data) == read(MANIFEST)
    assert SCHEMA.is_valid(data)


@pytest.mark.parametrize(
    "data",
    [
        changed("commit", to="main"),
        changed("models", 0, "sha256", to="A" * 64),
        changed("models", 0, "size", to=0),
        changed("models", 0, "task", to="painting"),
        changed("models", 0, "object", to={**OBJECT, "version_id": ""}),
        changed("models", 0, "licence", to={"spdx": "MIT", "commercial_use": "maybe"}),
        changed("layers", 0, "title", to="A thing"),
        changed("protocol", to=0),
        *(
            changed("models", 0, kind, "key", to=key)
            for kind in ("object", "card")
            for key in (
                "",
                "a",
                "/etc/passwd",
                "../../a",
                "pretrained_models/",
                "pretrained_models/../a",
                "pretrained_models/a/..",
                "pretrained_models/./a",
                "pretrained_models//a",
                "pretrained_models/a\\..\\b",
                "site/a",
            )
        ),
    ],
)
def test_reader_and_schema_refuse_the_same(data: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid(data)
    with pytest.raises(ManifestUnreadable):
        read(data)


@pytest.mark.parametrize("key", ["pretrained_models/a", "pretrained_models/.a/..b/c..d+e_-.pth"])
def test_a_key_may_be_any_name_below_the_published_root(key: str) -> None:
    data = changed("models", 0, "object", "key", to=key)

    assert SCHEMA.is_valid(data)
    assert read(data).models[0].object.key == key


@pytest.mark.parametrize("other", [{"sha256": "2" * 64}, {"size": 4}])
@pytest.mark.parametrize("place", [("object",), ("aliases", 0)])
def test_the_objects_of_a_model_are_its_file(place: tuple[str | int, ...], other: dict[str, Any]) -> None:
    data = changed("models", 0, "aliases", to=[dict(OBJECT)])
    read(data)
    published: Any = data["models"][0]
    for key in place:
        published = published[key]
    published |= other

    with pytest.raises(ManifestUnreadable, match="pretrained_models/a is another file than the model's"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [changed("layers", 0, "models", to=[]), changed("models", to=[MODEL, MODEL]), changed("models", to=[])],
)
def test_layers_and_models_name_the_same(data: dict[str, Any]) -> None:
    with pytest.raises(ManifestUnreadable, match="the same models in the same order"):
        read(data)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000])
def test_rubbish_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        parse(content, "here")


def test_another_version_and_an_unknown_model_say_what_to_do() -> None:
    with pytest.raises(OtherVersion, match=r"its version is 2, this program reads 1\); use the release"):
        read(changed("version", to=2))
    with pytest.raises(NotPublished, match="it has uvdoc"):
        read(MANIFEST).model("docunet")
