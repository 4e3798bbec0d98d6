"""A published model: the manifest, and the very version of the object that it names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from restoration_models import manifest as manifests
from restoration_models.credentials import shown
from restoration_models.download import Places, Request, fetch
from restoration_models.download.events import Reporter
from restoration_models.errors import ModelProblem, RestorationModelsError, UsageProblem, WorldFailure
from restoration_models.project import Project
from restoration_models.sources.address import is_local_host
from restoration_models.store import StoreNotConfigured, StoreSettings, asking, client, source_of
from restoration_models.store import settings as settings_of
from restoration_models.store.settings import from_remote
from restoration_models.training.wanted import Located, Wanted, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from restoration_models.sources import WebSource

LARGEST = 1 << 26
"""Bytes of a manifest; more is something else."""
OK = 200


class NotAManifestAddress(UsageProblem):
    """An address of no known kind."""

    def __init__(self, address: str, what: str) -> None:
        super().__init__(
            what,
            where=shown(address),
            remedy="give a path, https://HOST/…/catalogue.json or s3://BUCKET/catalogue.json",
        )


class ManifestMissing(UsageProblem):
    """There is no manifest file at this path."""

    def __init__(self, path: Path) -> None:
        super().__init__("there is no manifest", where=str(path), remedy="correct the path")


class ManifestUnreachable(WorldFailure):
    """The server did not deliver the manifest."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"the manifest could not be read ({reason})",
            where=shown(address),
            remedy="check the address and the network; a private bucket is read as s3://BUCKET/catalogue.json",
        )


class NoEndpoint(UsageProblem):
    """Nobody says at which server the bucket is."""

    def __init__(self, address: str) -> None:
        super().__init__(
            "at which server this bucket is, is not known",
            where=shown(address),
            remedy="set AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )


class NotInManifest(ModelProblem):
    """The model is not, or no longer, among the published ones."""

    def __init__(self, slug: str, origin: str, known: list[str]) -> None:
        from restoration_models.catalogue.faults import suggest

        close = suggest(slug, known)
        hint = f"did you mean {close}? " if close else ""
        super().__init__(
            "is not published: it was never validated, or it is no model of this catalogue",
            where=slug,
            remedy=f"{hint}{origin} has {', '.join(known) or 'no model yet'}",
        )


def locate(source: str | Path | StoreSettings, slug: str, cache: Path) -> Located:
    """Find the model `slug` in the manifest at `source`.

    Raises `NotAManifestAddress`, `ManifestMissing`, `ManifestUnreachable`, `NoEndpoint`, a
    `StoreFailure`, `ManifestUnreadable`, `NotInManifest`, `Withdrawn`.
    """
    if isinstance(source, StoreSettings):
        return _in_store(source, manifests.NAME, slug, cache)
    address = str(source)
    scheme = urlsplit(address).scheme if "://" in address else ""
    if isinstance(source, Path) or not scheme:
        return _in_folder(Path(source), slug, cache)
    if scheme == "s3":
        settings = _settings(address)
        return _in_store(settings, urlsplit(address).path.strip("/") or manifests.NAME, slug, cache)
    if scheme in ("https", "http"):
        return _on_web(address, slug, cache)
    raise NotAManifestAddress(address, f"{scheme}:// is no kind of address that is read")


def _in_folder(path: Path, slug: str, cache: Path) -> Located:
    """A copy of the bucket on this machine: objects lie beside the manifest, under their keys."""
    path = path / manifests.NAME if path.is_dir() else path
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ManifestMissing(path) from None
    read = manifests.parse(content, str(path))
    model = _model(read, slug, str(path))
    file = path.resolve().parent / model.object.key
    source = "file:" + quote(str(file))
    return _located(read, model, str(path), cache, sources=(source,), beside=(file,))


def _on_web(address: str, slug: str, cache: Path) -> Located:
    """A web server in front of the bucket, or a mirror of it: objects lie beside the manifest."""
    from restoration_models.download.body import decoded
    from restoration_models.download.policy import DEFAULT
    from restoration_models.download.trouble import Disqualified, Transient
    from restoration_models.download.web import Web
    from restoration_models.sources import HttpsSource

    parts = urlsplit(address)
    if parts.scheme == "http" and not is_local_host(parts.hostname or ""):
        raise NotAManifestAddress(address, "is not encrypted (http:// is for loopback hosts only)")
    if parts.username is not None or not parts.hostname:
        raise NotAManifestAddress(address, "carries a user name or password, or names no host")
    origin = shown(address)
    # As a model's source is asked: a redirect leads neither into the clear nor inwards.
    web = Web(HttpsSource(address, parts.hostname), DEFAULT, os.environ)
    try:
        answer = web.open(address)
        if answer.status != OK:
            raise ManifestUnreachable(address, f"HTTP status {answer.status}")
        content = b"".join(_bounded(address, decoded(answer, DEFAULT)))
    except (Transient, Disqualified) as trouble:
        raise ManifestUnreachable(address, trouble.reason) from trouble
    finally:
        web.close()
    read = manifests.parse(content, origin)
    model = _model(read, slug, origin)
    here = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    version = quote(model.object.version_id, safe="")
    source = f"{urljoin(here, quote(model.object.key))}?versionId={version}"
    return _located(read, model, origin, cache, sources=(source,))


def _bounded(address: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    length = 0
    for block in blocks:
        length += len(block)
        if length > LARGEST:
            raise ManifestUnreachable(address, "what comes is too long for a manifest")
        yield block


def _in_store(settings: StoreSettings, key: str, slug: str, cache: Path) -> Located:
    """The bucket itself."""
    where = f"s3://{settings.bucket}/{key}"
    with asking(settings, doing=f"read {key}", name=key):
        answer = client(settings).get_object(settings.bucket, key)
        try:
            content = answer.read()
        finally:
            answer.close()
            answer.release_conn()
    read = manifests.parse(content, where)
    model = _model(read, slug, where)

    def version(_md5: str) -> WebSource:
        return source_of(settings, model.object.key, model.object.version_id)

    return _located(read, model, where, cache, stored=version)


def _located(
    read: manifests.Manifest,
    model: manifests.Model,
    origin: str,
    cache: Path,
    *,
    sources: tuple[str, ...] = (),
    stored: Callable[[str], WebSource] | None = None,
    beside: tuple[Path, ...] = (),
) -> Located:
    def bring(report: Reporter) -> Path:
        request = Request.of(model.slug, sha256=model.sha256, size=model.size, sources=sources, md5=model.md5)
        return fetch(request, Places(inbox=cache, root=cache, stored=stored), report).path

    return Located(_wanted(read, model, origin), (cache / model.sha256, *beside), bring)


def _wanted(read: manifests.Manifest, model: manifests.Model, origin: str) -> Wanted:
    return Wanted(
        slug=model.slug,
        sha256=model.sha256,
        size=model.size,
        md5=model.md5,
        file=model.file,
        task=str(model.task),
        family=model.family,
        architecture=model.architecture,
        wrapper_key=model.format.wrapper_key,
        input_channels=model.input.channels,
        allow_globals=model.format.allow_globals,
        head=model.head,
        licence=model.licence.spdx,
        commit=f"{read.commit}-dirty" if read.dirty else read.commit,
        origin=origin,
    )


def _model(read: manifests.Manifest, slug: str, origin: str) -> manifests.Model:
    try:
        return read.model(slug)
    except manifests.NotPublished:
        if reason := read.withdrawn.get(slug):
            raise Withdrawn(slug, reason.en) from None
        raise NotInManifest(slug, origin, [model.slug for model in read.models]) from None


def _settings(address: str) -> StoreSettings:
    """The server of an ``s3://`` address: from the environment, else from the checkout around us."""
    bucket = urlsplit(address).netloc
    try:
        return from_remote("manifest", {"url": f"s3://{bucket}"}, os.environ)
    except StoreNotConfigured:
        try:
            own = settings_of(Project.find())
        except RestorationModelsError:
            raise NoEndpoint(address) from None
        if own.bucket != bucket:
            raise NoEndpoint(address) from None
        return own
