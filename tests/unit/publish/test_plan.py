"""What is written, kept and left, decided from what is wanted and what is there."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from restoration_models.manifest import Manifest
from restoration_models.publish.bucket import _proof
from restoration_models.publish.plan import Found, changes, plan
from restoration_models.publish.wanted import Edition, Item, Kind

WANTED = Item(
    "p/a", Kind.CHECKPOINT, "a" * 64, 3, "x/y", {"sha256": "a" * 64, "licence": "MIT"}, md5="b" * 32
)
THERE = Found("v1", 3, {"sha256": "a" * 64, "licence": "MIT"})


VOUCHED = frozenset({("p/a", "v1", "a" * 64)})


def planned(vouched: frozenset[tuple[str, str, str]] = VOUCHED, item: Item = WANTED, **found: Found) -> Any:
    edition = cast(Edition, SimpleNamespace(items=MappingProxyType({"p/a": item})))
    return plan(edition, {f"p/{name}": one for name, one in found.items()}, vouched)


def test_what_is_as_wanted_is_kept() -> None:
    assert (planned(a=THERE).write, planned(a=THERE).keep) == ((), {"p/a": "v1"})
    assert planned(frozenset(), a=replace(THERE, proved="a" * 64)).keep


@pytest.mark.parametrize(
    "vouched", [set(), {("p/a", "v0", "a" * 64)}, {("p/b", "v1", "a" * 64)}, {("p/a", "v1", "c" * 64)}]
)
def test_a_word_without_proof_is_not_believed(vouched: set[tuple[str, str, str]]) -> None:
    assert planned(frozenset(vouched), a=THERE).write == (WANTED,)


def test_the_etag_proves_what_was_written_and_not_what_was_copied() -> None:
    md5 = "900150983cd24fb0d6963f7d28e17f72"  # not a secret: the md5 of abc
    small = replace(WANTED, content=b"abc", md5=None)

    assert planned(frozenset(), small, a=replace(THERE, etag=md5)).keep
    assert planned(frozenset(), small, a=replace(THERE, etag="c" * 32)).write == (small,)
    assert planned(frozenset(), a=replace(THERE, etag="b" * 32)).write == (WANTED,)


@pytest.mark.parametrize(
    "found",
    [
        replace(THERE, metadata={}),
        replace(THERE, metadata={"sha256": "c" * 64, "licence": "MIT"}),
        replace(THERE, metadata={"sha256": "a" * 64, "licence": "GPL-3.0"}),
        replace(THERE, size=4),
        replace(THERE, version_id=None),
        replace(THERE, proved="c" * 64),
    ],
)
def test_what_differs_is_written(found: Found) -> None:
    assert planned(a=found).write == (WANTED,)


def test_names_that_no_publish_wrote_are_foreign() -> None:
    ours = Found("v", 1, {"sha256": "d" * 64, "kind": "card", "layer": "layer-1"})
    result = planned(a=THERE, old=ours, mine=Found("v", 1, {"sha256": "d" * 64}))
    assert (result.left, result.foreign) == (("p/old",), ("p/mine",))


@pytest.mark.parametrize(
    ("headers", "digest"),
    [
        ({"x-amz-checksum-sha256": "AAAA", "x-amz-checksum-type": "FULL_OBJECT"}, "000000"),
        ({"x-amz-checksum-sha256": "AAAA"}, "000000"),
        ({"x-amz-checksum-sha256": "AAAA-2"}, None),
        ({"x-amz-checksum-sha256": "AAAA", "x-amz-checksum-type": "COMPOSITE"}, None),
        ({"x-amz-checksum-sha256": "?"}, None),
        ({"x-amz-checksum-crc64nvme": "AAAA"}, None),
    ],
)
def test_only_a_digest_of_the_whole_object_is_proof(headers: dict[str, str], digest: str | None) -> None:
    assert _proof(headers) == digest


def manifest(**digests: str) -> Manifest:
    models = tuple(
        SimpleNamespace(slug=slug, sha256=sha256.partition("/")[0], layer="l", task="t", facts=sha256)
        for slug, sha256 in digests.items()
    )
    return cast(Manifest, SimpleNamespace(models=models))


def test_changes_between_two_manifests() -> None:
    before, after = (
        manifest(a="1", b="2", c="3", gone="4"),
        manifest(new="5", a="1", b="6", c="3/other facts"),
    )
    found = [(one.model, one.change, one.before, one.after) for one in changes(before, after)]
    assert found == [
        ("new", "added", None, "5"),
        ("b", "changed", "2", "6"),
        ("c", "updated", "3", "3"),
        ("gone", "removed", "4", None),
    ]
    assert changes(after, after) == ()
    assert [one.change for one in changes(None, after)] == ["added"] * 4
