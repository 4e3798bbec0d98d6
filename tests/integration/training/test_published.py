"""Loading what was published: from the bucket, from a web server before it, from a copy of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

import restoration_models
from restoration_models.download import WrongBytes
from restoration_models.errors import RestorationModelsError, UsageProblem
from restoration_models.manifest import ManifestUnreadable
from restoration_models.publish import publish
from restoration_models.store import StoreFailure
from restoration_models.training import (
    ManifestMissing,
    ManifestUnreachable,
    NotAManifestAddress,
    NotInManifest,
    Withdrawn,
)
from restoration_models.training.published import NoEndpoint
from support.library import SLUG, Library
from support.origin import Origin
from support.published import Shop, shop
from support.servers import Server

KEY = f"pretrained_models/layer_2/nafnet/{SLUG}.pth"


@pytest.fixture
def bucket(library: Library, seaweedfs_server: Server) -> Iterator[Shop]:
    """A bucket to which the library was published."""
    with shop(seaweedfs_server) as made:
        library.shelf.push(made)
        publish(library.project, bucket=made.bucket)
        yield made


@pytest.fixture
def mirror(bucket: Shop, tmp_path: Path) -> Path:
    """A copy of the bucket's published names on this machine."""
    folder = tmp_path / "mirror"
    for name in ("catalogue.json", KEY):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.read(name))
    return folder


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as made:
        yield made


def test_from_the_bucket_by_settings(library: Library, bucket: Shop, cache: Path) -> None:
    model = restoration_models.load(SLUG, manifest=bucket.settings)
    assert (model.sha256, model.commit) == (library.sha256, bucket.manifest().commit)
    assert (model.task, model.family, model.architecture) == ("motion-deblurring", "nafnet", "NAFNet")
    assert (model.licence, model.head) == ("MIT", ("ending.*",))
    assert model.origin == f"s3://{bucket.settings.bucket}/catalogue.json"
    assert model.path == cache / library.sha256
    assert model.path.read_bytes() == library.content


def test_the_very_version_of_the_manifest_is_read(library: Library, bucket: Shop) -> None:
    """Whatever the name has by now: a reader of yesterday's manifest gets yesterday's bytes."""
    bucket.write(KEY, b"another model by now")
    assert restoration_models.load(SLUG, manifest=bucket.settings).sha256 == library.sha256


def test_from_the_bucket_by_address(
    library: Library, bucket: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    address = f"s3://{bucket.settings.bucket}/catalogue.json"
    with pytest.raises(NoEndpoint, match="set AWS_ENDPOINT_URL"):
        restoration_models.load(SLUG, manifest=address)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.settings.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(bucket.settings.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(bucket.settings.secret_key))
    assert restoration_models.load(SLUG, manifest=address).sha256 == library.sha256
    assert restoration_models.load(SLUG, manifest=f"s3://{bucket.settings.bucket}").sha256 == library.sha256
    with pytest.raises(StoreFailure, match=r"no object other\.json"):
        restoration_models.load(SLUG, manifest=f"s3://{bucket.settings.bucket}/other.json")


def test_a_copy_of_the_bucket_is_read_in_place(library: Library, mirror: Path, cache: Path) -> None:
    for manifest in (mirror, mirror / "catalogue.json", str(mirror / "catalogue.json")):
        model = restoration_models.load(SLUG, manifest=manifest)
        assert (model.sha256, model.path) == (library.sha256, mirror / KEY)
    assert not cache.exists()
    (mirror / KEY).write_bytes(bytes(len(library.content)))
    with pytest.raises(WrongBytes, match="expected sha256"):
        restoration_models.load(SLUG, manifest=mirror)


def test_from_a_web_server(library: Library, mirror: Path, origin: Origin, cache: Path) -> None:
    address = origin.add("/models/catalogue.json", (mirror / "catalogue.json").read_bytes())
    origin.add(f"/models/{KEY}", library.content)
    model = restoration_models.load(SLUG, manifest=address)
    assert (model.sha256, model.origin) == (library.sha256, address)
    version = restoration_models.training.published.manifests.parse(
        (mirror / "catalogue.json").read_bytes(), "x"
    ).model(SLUG)
    asked = origin.seen(f"/models/{KEY}")
    assert {parse_qs(one.query)["versionId"][0] for one in asked} == {version.object.version_id}
    restoration_models.load(SLUG, manifest=address)
    assert origin.seen(f"/models/{KEY}") == asked
    assert len(origin.seen("/models/catalogue.json")) == 2


def test_many_at_once_fetch_one_file_once(
    library: Library, mirror: Path, origin: Origin, cache: Path
) -> None:
    address = origin.add("/catalogue.json", (mirror / "catalogue.json").read_bytes())
    origin.add(f"/{KEY}", library.content)
    found: list[str] = []
    ready = threading.Barrier(4)

    def one() -> None:
        ready.wait()
        found.append(restoration_models.load(SLUG, manifest=address).sha256)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [library.sha256] * 4
    assert origin.sent(f"/{KEY}") == len(library.content)
    assert [path.name for path in cache.iterdir()] == [library.sha256]


def test_a_damaged_file_in_the_cache_is_fetched_again(library: Library, bucket: Shop, cache: Path) -> None:
    cache.mkdir()
    (cache / library.sha256).write_bytes(bytes(len(library.content)))
    model = restoration_models.load(SLUG, manifest=bucket.settings)
    assert model.path.read_bytes() == library.content


def test_other_bytes_from_a_web_server_are_refused(library: Library, mirror: Path, origin: Origin) -> None:
    address = origin.add("/catalogue.json", (mirror / "catalogue.json").read_bytes())
    origin.add(f"/{KEY}", bytes(len(library.content)))
    with pytest.raises(WrongBytes, match="expected sha256"):
        restoration_models.load(SLUG, manifest=address)


def test_a_model_that_is_not_published(mirror: Path) -> None:
    with pytest.raises(NotInManifest) as caught:
        restoration_models.load("dreamt-of", manifest=mirror)
    assert str(caught.value) == (
        "dreamt-of: is not published: it was never validated, or it is no model of this catalogue; "
        f"{mirror / 'catalogue.json'} has {SLUG}"
    )
    with pytest.raises(NotInManifest, match=f"; did you mean {SLUG}[?] "):
        restoration_models.load(SLUG[:-1], manifest=mirror)


def test_a_model_that_was_withdrawn_says_why(mirror: Path) -> None:
    path = mirror / "catalogue.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["withdrawn"] = {"older": {"es": "Borra letras", "en": "It erases letters"}}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(Withdrawn, match=r"^older: withdrawn: It erases letters; choose another model$"):
        restoration_models.load("older", manifest=mirror)


def test_a_manifest_that_cannot_be_had(tmp_path: Path, origin: Origin) -> None:
    with pytest.raises(ManifestMissing):
        restoration_models.load(SLUG, manifest=tmp_path / "none.json")
    with pytest.raises(ManifestUnreachable, match="HTTP status 404"):
        restoration_models.load(SLUG, manifest=f"{origin.url}/none.json")
    page = origin.add("/page", b"<html>log in</html>")
    with pytest.raises(ManifestUnreadable, match="not JSON"):
        restoration_models.load(SLUG, manifest=page)
    with pytest.raises(ManifestUnreachable, match="refused the connection"):
        restoration_models.load(SLUG, manifest="http://127.0.0.1:9/catalogue.json?sig=secret")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ftp://example.org/catalogue.json", "ftp:// is no kind of address"),
        ("http://example.org/catalogue.json", "is not encrypted"),
        ("https://me:secret@example.org/catalogue.json?sig=secret", "carries a user name or password"),
    ],
)
def test_addresses_that_are_not_read(address: str, why: str) -> None:
    with pytest.raises(NotAManifestAddress, match=why) as caught:
        restoration_models.load(SLUG, manifest=address)
    assert isinstance(caught.value, UsageProblem)
    assert "secret" not in str(caught.value)


def test_wrong_keys_say_so(bucket: Shop) -> None:
    from dataclasses import replace

    with pytest.raises(RestorationModelsError, match="access key"):
        restoration_models.load(SLUG, manifest=replace(bucket.settings, secret_key="wrong-secret"))
