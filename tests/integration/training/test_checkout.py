"""Loading from a checkout: the file in its place, DVC's cache, the store, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

import restoration_models
from restoration_models.catalogue import UnknownModel
from restoration_models.checkpoint import WrongDigest
from restoration_models.download import DownloadFailed
from restoration_models.errors import RestorationModelsError, UsageProblem
from restoration_models.training import NoCheckout, OneOrigin, Unregistered, Withdrawn, loading, param_groups
from support.checkpoints import network
from support.library import SLUG, Library
from support.published import shop
from support.servers import Server, commit

if TYPE_CHECKING:
    from restoration_models.training import LoadedModel


def same_weights(model: LoadedModel) -> bool:
    """Whether `model` is the network that was shelved."""
    wanted = network("nafnet", 7).state_dict()
    found = model.module.state_dict()
    return wanted.keys() == found.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_file_in_its_place(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put(library.in_place)
    monkeypatch.chdir(library.root / "layers")
    model = restoration_models.load(SLUG)
    assert same_weights(model)
    assert not model.module.training
    assert model.path == library.in_place
    assert model.facts == {
        "slug": SLUG,
        "sha256": library.sha256,
        "commit": library.commit,
        "licence": "MIT",
        "task": "motion-deblurring",
        "architecture": "NAFNet",
        "family": "nafnet",
        "origin": str(library.root),
    }
    head, _ = param_groups(model, 1e-3)
    assert len(head["params"]) == 2
    assert model(torch.rand(1, 3, 31, 17)).shape == (1, 3, 31, 17)


def test_the_dvc_cache_in_place_of_the_file(library: Library) -> None:
    library.put(library.in_cache)
    model = restoration_models.load(SLUG, project=library.root)
    assert same_weights(model)
    assert model.path == library.in_cache
    assert not library.in_place.exists()


def test_another_file_in_its_place_is_left_alone(library: Library) -> None:
    """Of the same size, as retrained weights have it."""
    library.put(library.in_cache)
    other = bytearray(library.content)
    other[len(other) // 2] ^= 1
    library.in_place.parent.mkdir(parents=True, exist_ok=True)
    library.in_place.write_bytes(other)
    assert same_weights(restoration_models.load(SLUG, project=library.root))
    library.in_cache.unlink()
    library.put(library.project.inbox / library.sha256)
    model = restoration_models.load(SLUG, project=library.root)
    assert same_weights(model)
    assert model.path == library.project.inbox / library.sha256
    assert library.in_place.read_bytes() == bytes(other)


def test_the_store_delivers_to_its_place(library: Library, seaweedfs_server: Server) -> None:
    with shop(seaweedfs_server) as bucket:
        library.shelf.push(bucket)
        settings = bucket.settings
        (library.root / ".dvc/config.local").write_text(
            f"['remote \"minio\"']\n    url = s3://{settings.bucket}/dvc\n"
            f"    endpointurl = {settings.endpoint}\n    access_key_id = {settings.access_key}\n"
            f"    secret_access_key = {settings.secret_key}\n"
        )
        model = restoration_models.load(SLUG, project=library.root)
    assert same_weights(model)
    assert model.path == library.in_place
    assert library.in_place.read_bytes() == library.content
    assert same_weights(restoration_models.load(SLUG, project=library.root))


def test_bytes_that_came_damaged_are_refused(library: Library) -> None:
    """A source that delivers other bytes of the right length."""
    (library.root / "not").mkdir()
    (library.root / "not" / "there.pth").write_bytes(bytes(len(library.content)))
    with pytest.raises(RestorationModelsError, match=r"sha256"):
        restoration_models.load(SLUG, project=library.root)
    assert not library.in_place.exists()


def test_where_nobody_has_it_every_place_is_named(library: Library) -> None:
    with pytest.raises(DownloadFailed, match=r"store.*not/there\.pth") as caught:
        restoration_models.load(SLUG, project=library.root)
    assert caught.value.status == 3


def test_verification_can_be_left_out_for_a_file_that_is_here(library: Library) -> None:
    """What has the right size then counts as the right file; everywhere else it does not."""
    import io

    other = io.BytesIO()
    torch.save({"params": network("nafnet", 8).state_dict()}, other)
    assert len(other.getvalue()) == len(library.content)
    library.in_place.parent.mkdir(parents=True, exist_ok=True)
    library.in_place.write_bytes(other.getvalue())
    assert not same_weights(restoration_models.load(SLUG, project=library.root, verify=False))
    with pytest.raises((WrongDigest, DownloadFailed)):
        restoration_models.load(SLUG, project=library.root)


def test_a_changed_catalogue_marks_the_commit(library: Library) -> None:
    library.put(library.in_place)
    with library.project.head.open("a") as file:
        file.write("\n# a remark\n")
    assert restoration_models.load(SLUG, project=library.root).commit == f"{library.commit}-dirty"


def test_without_git_there_is_no_commit(library: Library) -> None:
    import shutil

    library.put(library.in_place)
    shutil.rmtree(library.root / ".git")
    model = restoration_models.load(SLUG, project=library.root)
    assert (model.commit, model.sha256) == (None, library.sha256)


def test_a_withdrawn_model_fails_with_its_reason(library: Library) -> None:
    library.put(library.in_place)
    library.shelf.entries["layer-2"][SLUG]["withdrawn"] = {"es": "borra letras", "en": "it erases letters"}
    try:
        library.shelf.commit()
        with pytest.raises(Withdrawn, match=f"^{SLUG}: withdrawn: borra letras; choose another model$"):
            restoration_models.load(SLUG, project=library.root)
    finally:
        del library.shelf.entries["layer-2"][SLUG]["withdrawn"]


def test_an_unregistered_architecture_is_told_before_anything_is_fetched(library: Library) -> None:
    path = library.project.layer_catalogue("layer-2")
    path.write_text(path.read_text().replace('architecture": "NAFNet"', 'architecture": "unregistered"'))
    with pytest.raises(Unregistered, match="no network can be built"):
        restoration_models.load(SLUG, project=library.root)


def test_unknown_names_are_met_with_a_suggestion(library: Library) -> None:
    with pytest.raises(UnknownModel, match="did you mean sharpener"):
        restoration_models.load("sharpner", project=library.root)


def test_one_origin_alone() -> None:
    with pytest.raises(OneOrigin, match="repo and manifest were given"):
        restoration_models.load(SLUG, repo="a", manifest="b")
    with pytest.raises(UsageProblem, match="rev needs repo"):
        restoration_models.load(SLUG, rev="main")


def test_outside_any_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblem, match="not inside a models repository"):
        restoration_models.load(SLUG, project=tmp_path)
    monkeypatch.setattr(loading, "__file__", str(tmp_path / "lib" / "a" / "b" / "c.py"))
    with pytest.raises(NoCheckout, match="pass project=PATH, repo=URL or manifest=ADDRESS"):
        restoration_models.load(SLUG)


def test_the_checkout_of_the_package_serves_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable installation: its own catalogue answers."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownModel, match="no model of that name"):
        restoration_models.load("no-such-model")


def test_a_committed_change_moves_the_commit(library: Library) -> None:
    library.put(library.in_place)
    (library.root / "note.txt").write_text("x")
    assert restoration_models.load(SLUG, project=library.root).commit == library.commit
    commit(library.root, "more")
    assert restoration_models.load(SLUG, project=library.root).commit not in (None, library.commit)
