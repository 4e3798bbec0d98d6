"""The catalogue page in the bucket: beside the manifest, private, copied where it changed, pruned."""

from __future__ import annotations

import re
from typing import Any

import pytest

from restoration_models import catalogue, site
from restoration_models.publish import publish
from support.gallery import data_of
from support.layers import REPOSITORY
from support.published import Shelf, Shop

PAGE = "site/index.html"


@pytest.fixture
def pictured(shelf: Shelf) -> Shelf:
    """The models of the shelf, one with a picture that the page can show."""
    shelf.pictures["sharpener"] = REPOSITORY.picture("layer-2", "uvdoc").read_bytes()
    shelf.commit("A real picture")
    return shelf


def of_the_page(bucket: Shop) -> set[str]:
    return {name for name in bucket.names() if name.startswith("site/")}


def test_the_page_is_published_with_its_pictures(pictured: Shelf, bucket: Shop) -> None:
    pictured.push(bucket)
    done = publish(pictured.project, bucket=bucket.bucket)
    files = site.make(pictured.project, catalogue.load(pictured.project))
    assert of_the_page(bucket) == {f"site/{name}" for name in files} <= set(done.uploaded)
    assert len(files) == 3
    for name, content in files.items():
        assert bucket.read(f"site/{name}") == content
        stat = bucket.speaker.stat_object(bucket.settings.bucket, f"site/{name}")
        expected = {"html": "text/html; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
        assert stat.content_type == expected[name.rpartition(".")[2]]
    assert not any(one.key.startswith("site/") for one in bucket.manifest().objects())


def test_only_what_changed_of_it_is_written(pictured: Shelf, bucket: Shop) -> None:
    pictured.push(bucket)
    publish(pictured.project, bucket=bucket.bucket)
    before = bucket.versions()
    pictured.declare("dreamt-of", description={"es": "Otro texto", "en": "Another text"})
    pictured.commit("Another text")
    foreseen = publish(pictured.project, bucket=bucket.bucket, dry_run=True)
    assert PAGE in foreseen.uploaded and bucket.versions() == before
    done = publish(pictured.project, bucket=bucket.bucket)
    assert {name for name in done.uploaded if name.startswith("site/")} == {PAGE}
    assert done.copied == () and "Otro texto" in str(data_of(bucket.read(PAGE).decode()))
    again = publish(pictured.project, bucket=bucket.bucket)
    assert (again.uploaded, again.replaced) == ((), False)


def test_a_picture_that_left_is_pruned_and_what_others_put_there_is_not(
    pictured: Shelf, bucket: Shop
) -> None:
    pictured.push(bucket)
    publish(pictured.project, bucket=bucket.bucket)
    (picture,) = (name for name in of_the_page(bucket) if name.endswith(".png"))
    assert re.fullmatch(r"site/pictures/sharpener-[0-9a-f]{8}\.png", picture)
    bucket.write("site/by-hand.html", b"mine")
    pictured.take_away("sharpener")
    pictured.commit("Without it")
    kept = publish(pictured.project, bucket=bucket.bucket)
    assert picture in kept.left and kept.foreign == ("site/by-hand.html",)
    done = publish(pictured.project, bucket=bucket.bucket, prune=True)
    assert picture in done.pruned
    assert of_the_page(bucket) == {PAGE, "site/icon.svg", "site/by-hand.html"}


def test_the_page_is_written_after_its_pictures_and_those_that_left_go_at_the_end(
    pictured: Shelf, bucket: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictured.push(bucket)
    there = bucket.bucket
    done: list[tuple[str, set[str]]] = []

    def watch(name: str) -> None:
        genuine = getattr(there, name)

        def watched(first: Any, *others: Any) -> Any:
            result = genuine(first, *others)
            keys = {"catalogue.json"}  # of a manifest, which comes as its bytes
            if name != "put_manifest":
                keys = {getattr(one, "key", one) for one in first}
            of_the_site = {key for key in keys if key.startswith(("site/", "catalogue.json"))}
            done.extend([(name, of_the_site)] if of_the_site else [])
            return result

        monkeypatch.setattr(there, name, watched)

    for name in ("write", "put_manifest", "remove"):
        watch(name)
    publish(pictured.project, bucket=there)
    (former,) = (name for name in of_the_page(bucket) if name.endswith(".png"))
    # One call writes several at once, so that the page has one of its own.
    page_then_manifest = [("write", {PAGE}), ("put_manifest", {"catalogue.json"})]
    assert done == [("write", {"site/icon.svg", former}), *page_then_manifest]
    done.clear()
    other = bytearray(REPOSITORY.picture("layer-2", "uvdoc").read_bytes())
    other[-1] ^= 1
    pictured.pictures["sharpener"] = bytes(other)
    pictured.commit("Another picture")
    publish(pictured.project, bucket=there, prune=True)
    (picture,) = (name for name in of_the_page(bucket) if name.endswith(".png"))
    assert done == [("write", {picture}), *page_then_manifest, ("remove", {former})]
