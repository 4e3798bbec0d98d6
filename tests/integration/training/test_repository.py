"""Loading from another project by DVC: a git repository at a revision, and its own remote."""

from __future__ import annotations

from pathlib import Path

import pytest

import restoration_models
from restoration_models.catalogue import UnknownModel
from restoration_models.download import DownloadFailed
from restoration_models.errors import RestorationModelsError
from restoration_models.training import NotInRepository, RepositoryFailed, Withdrawn
from support.library import SLUG, Library
from support.servers import git


@pytest.mark.parametrize("form", ["path", "address"])
def test_the_file_comes_from_the_repositorys_own_remote(
    library: Library, remote: Path, cache: Path, form: str
) -> None:
    repo = f"file://{library.root}" if form == "address" else str(library.root)
    model = restoration_models.load(SLUG, repo=repo)
    assert (model.sha256, model.commit, model.origin) == (library.sha256, library.commit, repo)
    assert model.path == cache / library.sha256
    assert model.head == ("ending.*",)
    assert not library.in_place.exists()
    # Once here, the store is not needed.
    for file in remote.rglob("*"):
        if file.is_file():
            file.unlink()
    assert restoration_models.load(SLUG, repo=repo).path == model.path


def test_a_revision_names_what_was_then(library: Library, remote: Path) -> None:
    git(library.root, "tag", "v1")
    was = library.commit
    library.shelf.entries["layer-2"][SLUG]["withdrawn"] = {"es": "borra letras", "en": "it erases letters"}
    try:
        library.shelf.commit()
    finally:
        del library.shelf.entries["layer-2"][SLUG]["withdrawn"]
    model = restoration_models.load(SLUG, repo=f"file://{library.root}", rev="v1")
    assert (model.commit, model.sha256) == (was, library.sha256)
    with pytest.raises(Withdrawn, match="borra letras"):
        restoration_models.load(SLUG, repo=f"file://{library.root}")


def test_a_folder_is_read_as_committed(library: Library, remote: Path) -> None:
    with library.project.head.open("a") as file:
        file.write("not: [valid")
    assert restoration_models.load(SLUG, repo=library.root).commit == library.commit


def test_a_damaged_remote_is_refused(library: Library, remote: Path, cache: Path) -> None:
    (file,) = [one for one in remote.rglob("*") if one.is_file()]
    file.write_bytes(bytes(len(library.content)))
    with pytest.raises(RestorationModelsError):
        restoration_models.load(SLUG, repo=str(library.root))
    assert not (cache / library.sha256).exists()


def test_a_remote_without_the_file_says_so(library: Library, remote: Path) -> None:
    (file,) = [one for one in remote.rglob("*") if one.is_file()]
    file.unlink()
    with pytest.raises(DownloadFailed, match="store: could not deliver it") as caught:
        restoration_models.load(SLUG, repo=f"file://{library.root}")
    assert "\n" not in str(caught.value)


def test_a_model_that_was_only_declared(library: Library, remote: Path) -> None:
    with pytest.raises(NotInRepository, match="its file was never locked there"):
        restoration_models.load("dreamt-of", repo=str(library.root))


def test_no_such_model_revision_or_repository(library: Library, remote: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        restoration_models.load("nothing", repo=str(library.root))
    with pytest.raises(RepositoryFailed, match="could not be read at v9"):
        restoration_models.load(SLUG, repo=str(library.root), rev="v9")
    with pytest.raises(RepositoryFailed, match="check its address"):
        restoration_models.load(SLUG, repo=f"file://{tmp_path}/none")


def test_a_password_in_the_address_is_not_repeated(tmp_path: Path) -> None:
    from restoration_models.training.repository import shown

    assert shown("https://me:secret@example.org/models.git") == "https://example.org/models.git"
    assert shown("git@example.org:models.git") == "git@example.org:models.git"
