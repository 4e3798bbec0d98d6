"""Publishing to real servers: what is there afterwards, and what a second publish does."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import jsonschema
import pytest

from restoration_models import schemas
from restoration_models.manifest import OtherVersion
from restoration_models.project import Project
from restoration_models.publish import publish
from restoration_models.publish.bucket import Bucket, NotStored, NotVersioned, StoredBytesDiffer
from restoration_models.publish.checkout import NoCommit, NotCommitted, OlderThanPublished
from restoration_models.publish.verify import PublishedDiffers, verify
from restoration_models.publish.wanted import NothingToPublish
from restoration_models.store import object_name
from support.layers import md5
from support.published import Shelf, Shop, sha256, shop
from support.servers import Server, git

LAYER_1, LAYER_2 = "pretrained_models/layer_1", "pretrained_models/layer_2"
CLEANER = f"{LAYER_1}/nafnet/cleaner.pth"
ALIAS = f"{LAYER_1}/old/cleaner.pth"
SHARPENER = f"{LAYER_2}/nafnet/sharpener.pth"
NAMES = {
    CLEANER, ALIAS, f"{LAYER_1}/README.md", f"{LAYER_1}/nafnet/cleaner/README.md",
    f"{LAYER_1}/nafnet/cleaner/sample.png", f"{LAYER_1}/nafnet/cleaner/report.json",
    SHARPENER, f"{LAYER_2}/README.md", f"{LAYER_2}/nafnet/sharpener/README.md",
    f"{LAYER_2}/nafnet/sharpener/sample.png", f"{LAYER_2}/nafnet/sharpener/report.json",
}  # fmt: skip
PAGE = {"site/index.html", "site/icon.svg"}


def published_names(bucket: Shop) -> set[str]:
    """Names of the models' objects; the catalogue page has tests of its own."""
    return {name for name in bucket.names() if not name.startswith(("dvc/", "site/"))} - {"catalogue.json"}


def assert_true(bucket: Shop) -> None:
    """Every object that the manifest names has, in that version, exactly its bytes."""
    for one in bucket.manifest().objects():
        content = bucket.read(one.key, one.version_id)
        assert (sha256(content), len(content)) == (one.sha256, one.size), one.key


def test_every_published_object_has_the_locked_bytes(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    done = publish(shelf.project, bucket=bucket.bucket)
    assert published_names(bucket) == NAMES
    assert bucket.read(CLEANER) == bucket.read(ALIAS) == shelf.contents["cleaner"]
    assert bucket.read(SHARPENER) == shelf.contents["sharpener"]
    assert_true(bucket)
    assert (set(done.copied), done.replaced) == ({CLEANER, ALIAS, SHARPENER}, True)
    assert [(one.model, one.change) for one in done.changes] == [("cleaner", "added"), ("sharpener", "added")]
    assert [(one.slug, one.why) for one in done.left_out] == [("dreamt-of", "declared")]
    assert done.manifest_sha256 == sha256(bucket.read("catalogue.json"))


def test_a_second_publish_writes_nothing(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    before = bucket.versions()
    done = publish(shelf.project, bucket=bucket.bucket, prune=True)
    assert bucket.versions() == before
    assert (done.copied, done.uploaded, done.changes, done.replaced, done.pruned) == ((), (), (), False, ())
    assert done.unchanged == len(NAMES | PAGE)


def test_the_manifest_says_what_an_api_needs_and_fits_its_schema(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    data = json.loads(bucket.read("catalogue.json"))
    schema = json.loads(schemas.texts()["manifest.schema.json"])
    jsonschema.Draft202012Validator(schema).validate(data)
    assert data["commit"] == git(shelf.root, "rev-parse", "HEAD").strip()
    assert [(layer["slug"], layer["models"]) for layer in data["layers"]] == [
        ("layer-1", ["cleaner"]),
        ("layer-2", ["sharpener"]),
    ]
    cleaner = data["models"][0]
    assert cleaner["object"]["key"] == CLEANER
    assert [alias["key"] for alias in cleaner["aliases"]] == [ALIAS]
    assert cleaner["sha256"] == sha256(shelf.contents["cleaner"])
    assert cleaner["md5"] == md5(shelf.contents["cleaner"])
    assert cleaner["input"]["size_multiple"] == 16
    assert cleaner["format"]["wrapper_key"] == "params"
    assert cleaner["licence"] == {
        "spdx": "MIT",
        "commercial_use": "yes",
        "source": "https://example.org/LICENSE",
    }
    assert cleaner["measured"]["gain_db"] == 3.5
    assert cleaner["description"] == {"es": "El modelo cleaner", "en": "The model cleaner"}


def test_objects_tell_what_they_are(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    found = bucket.bucket.published()
    assert dict(found[ALIAS].metadata) == {
        "sha256": sha256(shelf.contents["cleaner"]),
        "model": "cleaner",
        "layer": "layer-1",
        "task": "denoising-real",
        "architecture": "NAFNet",
        "licence": "MIT",
        "kind": "alias",
    }
    assert all(one.metadata["sha256"] and "".join(one.metadata.values()).isascii() for one in found.values())


def test_links_of_published_cards_lead_to_published_names(shelf: Shelf, bucket: Shop) -> None:
    from posixpath import dirname, join, normpath

    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    followed = set()
    for page in (name for name in NAMES if name.endswith(".md")):
        text = bucket.read(page).decode()
        for target in re.findall(r'\]\(([^()<>]+)\)|(?:src|href)="([^"]+)"', text):
            name = normpath(join(dirname(page), target[0] or target[1]))
            assert name in NAMES, f"{page} links {name}"
            followed.add(name)
    assert {name for name in NAMES if not name.endswith(".pth")} == followed
    # A model that was only declared is named without a link.
    assert "`dreamt-of`" in bucket.read(f"{LAYER_1}/README.md").decode()


def test_only_what_changed_is_copied(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    old = bucket.manifest()
    shelf.put("sharpener", b"better weights", "layer-2", task="motion-deblurring")
    shelf.commit()
    shelf.push(bucket)
    done = publish(shelf.project, bucket=bucket.bucket)
    assert done.copied == (SHARPENER,)
    assert [(one.model, one.change) for one in done.changes] == [("sharpener", "changed")]
    assert bucket.manifest().model("cleaner") == old.model("cleaner")
    # Whoever still has the former manifest reads the former bytes.
    was = old.model("sharpener").object
    assert sha256(bucket.read(was.key, was.version_id)) == was.sha256
    assert_true(bucket)


def test_other_facts_of_the_same_bytes_reach_the_metadata(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    shelf.put(
        "cleaner", shelf.contents["cleaner"], licence={"spdx": "CC-BY-NC-4.0", "commercial-use": "no"}
    )  # and no alias any more
    shelf.commit()
    done = publish(shelf.project, bucket=bucket.bucket)
    assert done.copied == (CLEANER,)
    assert [(one.model, one.change) for one in done.changes] == [("cleaner", "updated")]
    assert bucket.bucket.published()[CLEANER].metadata["licence"] == "CC-BY-NC-4.0"
    assert bucket.manifest().model("cleaner").licence.commercial_use == "no"
    assert done.left == (ALIAS,)


def test_a_dry_run_says_the_same_and_writes_nothing(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    before = bucket.versions()
    said = publish(shelf.project, bucket=bucket.bucket, dry_run=True)
    assert bucket.versions() == before
    done = publish(shelf.project, bucket=bucket.bucket)
    for name in ("models", "left_out", "changes", "replaced", "unchanged"):
        assert getattr(said, name) == getattr(done, name), name
    assert (set(said.copied), set(said.uploaded)) == (set(done.copied), set(done.uploaded))
    again = publish(shelf.project, bucket=bucket.bucket, dry_run=True)
    assert (again.replaced, again.manifest_sha256) == (False, done.manifest_sha256)


def test_prune_removes_names_that_left_and_no_one_elses(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    old = bucket.manifest()
    bucket.write(f"{LAYER_1}/by-hand.pth", b"somebody's own")
    shelf.take_away("cleaner")
    shelf.commit()
    kept = publish(shelf.project, bucket=bucket.bucket)
    gone = {name for name in NAMES if "cleaner" in name}
    assert set(kept.left) == gone
    assert published_names(bucket) == NAMES | {f"{LAYER_1}/by-hand.pth"}
    assert [(one.model, one.change, one.after) for one in kept.changes] == [("cleaner", "removed", None)]
    done = publish(shelf.project, bucket=bucket.bucket, prune=True)
    assert (set(done.pruned), done.left, done.foreign) == (gone, (), (f"{LAYER_1}/by-hand.pth",))
    assert published_names(bucket) == (NAMES - gone) | {f"{LAYER_1}/by-hand.pth"}
    for one in old.objects():  # the versions stay for those who still read the former manifest
        assert sha256(bucket.read(one.key, one.version_id)) == one.sha256
    before = bucket.versions()
    assert publish(shelf.project, bucket=bucket.bucket, prune=True).pruned == ()
    assert bucket.versions() == before


def test_a_withdrawn_model_leaves_the_manifest(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    shelf.put("cleaner", shelf.contents["cleaner"], withdrawn="It invents letters")
    shelf.commit()
    done = publish(shelf.project, bucket=bucket.bucket, prune=True)
    assert [model.slug for model in bucket.manifest().models] == ["sharpener"]
    assert ("cleaner", "withdrawn") in [(one.slug, one.why) for one in done.left_out]
    assert CLEANER in done.pruned
    assert bucket.manifest().withdrawn["cleaner"].en == "It invents letters"
    assert_true(bucket)


def test_a_checkpoint_that_the_store_lacks_stops_it_before_anything_is_written(
    shelf: Shelf, bucket: Shop
) -> None:
    bucket.write(object_name(bucket.settings, md5(shelf.contents["cleaner"])), b"short")
    with pytest.raises(NotStored) as caught:
        publish(shelf.project, bucket=bucket.bucket)
    assert [(one.file, one.what.partition(" (")[0], one.remedy) for one in caught.value.problems] == [
        ("cleaner", "the store has 5 bytes of it, not 18", "run `models store verify --repair`"),
        ("sharpener", "the store does not have it", "run `dvc push`"),
    ]
    assert published_names(bucket) == set()
    assert "catalogue.json" not in bucket.names()


@pytest.mark.needs_minio
def test_minio_finds_stored_bytes_that_are_not_the_locked_ones(shelf: Shelf, on_minio: Shop) -> None:
    shelf.push(on_minio)
    publish(shelf.project, bucket=on_minio.bucket)
    before = on_minio.read("catalogue.json")
    was = shelf.contents["sharpener"]
    shelf.put("sharpener", b"honest", "layer-2", task="motion-deblurring")
    shelf.commit()
    on_minio.write(object_name(on_minio.settings, md5(b"honest")), b"forged")
    for _ in range(2):
        with pytest.raises(StoredBytesDiffer, match=sha256(b"forged")):
            publish(shelf.project, bucket=on_minio.bucket)
        assert on_minio.read("catalogue.json") == before
        assert on_minio.read(SHARPENER) == was


def test_a_large_checkpoint_is_composed_on_the_server(shelf: Shelf, bucket: Shop) -> None:
    part = 5 << 20
    content = bytes(range(256)) * ((2 * part + 1024) // 256)
    shelf.put("sharpener", content, "layer-2", task="motion-deblurring")
    shelf.commit()
    shelf.push(bucket)
    small = Bucket(bucket.settings, one_request=part, part=part)
    publish(shelf.project, bucket=small)
    assert bucket.read(SHARPENER) == content
    assert bucket.bucket.published()[SHARPENER].metadata["model"] == "sharpener"
    assert_true(bucket)
    assert not publish(shelf.project, bucket=small).replaced


def test_a_checkpoint_that_was_stored_in_parts_is_copied_whole(shelf: Shelf, bucket: Shop) -> None:
    content = bytes(range(256)) * 65536
    shelf.put("sharpener", content, "layer-2", task="motion-deblurring")
    shelf.commit()
    shelf.push(bucket)
    bucket.speaker.put_object(
        bucket.settings.bucket,
        object_name(bucket.settings, md5(content)),
        io.BytesIO(content),
        len(content),
        part_size=5 << 20,
    )
    publish(shelf.project, bucket=bucket.bucket)
    assert_true(bucket)


def test_a_bucket_without_versions_is_refused(shelf: Shelf, any_server: Server) -> None:
    with shop(any_server, versioned=False) as bucket:
        shelf.push(bucket)
        with pytest.raises(NotVersioned, match="models store init"):
            publish(shelf.project, bucket=bucket.bucket)
        assert published_names(bucket) == set()


def test_what_is_not_committed_is_refused_or_said(shelf: Shelf, on_minio: Shop) -> None:
    shelf.push(on_minio)
    (shelf.root / "notes.txt").write_text("decides nothing")
    with (shelf.root / "layers/layer-1/params.yaml").open("a") as file:
        file.write("# a remark\n")
    with pytest.raises(NotCommitted, match=r"layers/layer-1/params\.yaml"):
        publish(shelf.project, bucket=on_minio.bucket)
    assert publish(shelf.project, bucket=on_minio.bucket, allow_dirty=True).dirty
    assert on_minio.manifest().dirty
    git(shelf.root, "checkout", "--", "layers")
    assert publish(shelf.project, bucket=on_minio.bucket).replaced
    assert not on_minio.manifest().dirty


def test_a_folder_without_git_is_refused(shelf: Shelf, on_minio: Shop) -> None:
    (shelf.root / ".git").rename(shelf.root / "elsewhere")
    with pytest.raises(NoCommit):
        publish(shelf.project, bucket=on_minio.bucket)


def test_an_earlier_commit_does_not_replace_a_later_one(shelf: Shelf, on_minio: Shop) -> None:
    shelf.push(on_minio)
    first = git(shelf.root, "rev-parse", "HEAD").strip()
    shelf.take_away("cleaner")
    second = shelf.commit()
    publish(shelf.project, bucket=on_minio.bucket)
    git(shelf.root, "checkout", "--quiet", first)
    with pytest.raises(OlderThanPublished, match=f"{second[:12]}.*{first[:12]}"):
        publish(shelf.project, bucket=on_minio.bucket)
    publish(shelf.project, bucket=on_minio.bucket, allow_older=True)
    assert on_minio.manifest().commit == first
    assert_true(on_minio)


def test_a_branch_does_not_replace_what_another_published(shelf: Shelf, on_minio: Shop) -> None:
    """Each of two branches has what the other lacks: the later to publish would take the other's back."""
    base = git(shelf.root, "rev-parse", "HEAD").strip()
    shelf.put("fresh", b"of one branch")
    shelf.put("sharpener", b"better", "layer-2", task="motion-deblurring")
    one = shelf.commit()
    shelf.push(on_minio)
    publish(shelf.project, bucket=on_minio.bucket)
    was = on_minio.read("catalogue.json")

    git(shelf.root, "switch", "--quiet", "--create", "other", base)
    shelf.take_away("fresh")
    shelf.put("sharpener", b"weights of sharpener" * 1000, "layer-2", task="motion-deblurring")
    shelf.put("third", b"of the other branch")
    two = shelf.commit()
    shelf.push(on_minio)
    for dry_run in (True, False):
        with pytest.raises(OlderThanPublished) as caught:
            publish(shelf.project, bucket=on_minio.bucket, dry_run=dry_run)
        assert str(caught.value) == (
            f"catalogue.json: what is published is of commit {one[:12]}, "
            f"which this checkout's {two[:12]} does not build upon; these models would leave: fresh; "
            "these would be other files: sharpener; merge it and publish that, or give --allow-older"
        )
    assert on_minio.read("catalogue.json") == was

    git(shelf.root, "merge", "--quiet", "--strategy=ours", "--message", "Both", one)
    assert publish(shelf.project, bucket=on_minio.bucket).replaced


def test_a_clone_that_lacks_the_published_commit_is_told_to_fetch_it(
    shelf: Shelf, on_minio: Shop, tmp_path: Path
) -> None:
    shelf.push(on_minio)
    publish(shelf.project, bucket=on_minio.bucket)
    shelf.take_away("cleaner")
    shelf.commit()
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", shelf.root.as_uri(), str(shallow))
    with pytest.raises(
        OlderThanPublished, match=r"this clone does not have.*would leave: cleaner.*--unshallow"
    ):
        publish(Project(shallow), bucket=on_minio.bucket)
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert publish(Project(shallow), bucket=on_minio.bucket).replaced


def test_rubbish_under_the_manifests_name_is_replaced_and_a_later_form_is_not(
    shelf: Shelf, on_minio: Shop
) -> None:
    shelf.push(on_minio)
    on_minio.write("catalogue.json", b"not JSON")
    assert publish(shelf.project, bucket=on_minio.bucket).replaced
    assert_true(on_minio)
    on_minio.write("catalogue.json", b'{"version": 2}')
    with pytest.raises(OtherVersion):
        publish(shelf.project, bucket=on_minio.bucket)
    assert on_minio.read("catalogue.json") == b'{"version": 2}'


def test_nothing_validated_is_not_published(shelf: Shelf, on_minio: Shop) -> None:
    shelf.contents.clear()
    shelf.commit()
    with pytest.raises(NothingToPublish):
        publish(shelf.project, bucket=on_minio.bucket)


def test_an_object_that_somebody_replaced_by_hand_is_published_again(shelf: Shelf, bucket: Shop) -> None:
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    stated = dict(bucket.bucket.published()[CLEANER].metadata)
    bucket.write(CLEANER, b"by hand")
    assert publish(shelf.project, bucket=bucket.bucket).copied == (CLEANER,)
    # With forged metadata, and bytes of the same length, the version is still another.
    forged = shelf.contents["cleaner"][::-1]
    bucket.write(CLEANER, forged, **stated)
    assert publish(shelf.project, bucket=bucket.bucket).copied == (CLEANER,)
    assert bucket.read(CLEANER) == shelf.contents["cleaner"]
    assert_true(bucket)
    # A card too, which the server need prove nothing of.
    card = f"{LAYER_1}/README.md"
    about, was = dict(bucket.bucket.published()[card].metadata), bucket.read(card)
    bucket.write(card, was[::-1], **about)
    assert publish(shelf.project, bucket=bucket.bucket).uploaded == (card,)
    assert bucket.read(card) == was
    assert publish(shelf.project, bucket=bucket.bucket).unchanged == len(NAMES | PAGE)


def test_what_verify_finds_wrong_the_named_remedy_mends(shelf: Shelf, bucket: Shop) -> None:
    """A manifest that names forged bytes, as a program that believed their metadata left it."""
    shelf.push(bucket)
    publish(shelf.project, bucket=bucket.bucket)
    was = bucket.manifest().model("cleaner").object
    stated = dict(bucket.bucket.published()[CLEANER].metadata)
    bucket.write(CLEANER, shelf.contents["cleaner"][::-1], **stated)
    version = bucket.bucket.published()[CLEANER].version_id
    content = bucket.read("catalogue.json").replace(was.version_id.encode(), str(version).encode())
    bucket.write("catalogue.json", content)
    with pytest.raises(PublishedDiffers) as caught:
        verify(shelf.project, bucket=bucket.bucket, read_bytes=True)
    assert [one.file for one in caught.value.problems] == [CLEANER]
    assert (caught.value.remedy or "").startswith("`models publish --rewrite`")

    done = publish(shelf.project, bucket=bucket.bucket, rewrite=True)
    assert (len(done.copied) + len(done.uploaded), done.unchanged) == (len(NAMES | PAGE), 0)
    verify(shelf.project, bucket=bucket.bucket, read_bytes=True)
    assert_true(bucket)
    assert not publish(shelf.project, bucket=bucket.bucket).replaced


def test_verify_finds_a_version_that_is_gone(shelf: Shelf, on_minio: Shop) -> None:
    shelf.push(on_minio)
    publish(shelf.project, bucket=on_minio.bucket)
    found = verify(shelf.project, bucket=on_minio.bucket, read_bytes=True)
    assert (found.objects, found.signed) == (len(NAMES), False)
    assert found.bytes == sum(one.size for one in on_minio.manifest().objects())
    one = on_minio.manifest().model("cleaner").object
    on_minio.speaker.remove_object(on_minio.settings.bucket, one.key, one.version_id)
    with pytest.raises(PublishedDiffers) as caught:
        verify(shelf.project, bucket=on_minio.bucket)
    assert [(each.file, each.what) for each in caught.value.problems] == [
        (CLEANER, "the version that the manifest names is gone")
    ]
