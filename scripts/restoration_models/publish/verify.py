"""Is what is published what its manifest says, and who signed that?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from restoration_models import manifest, signature, store
from restoration_models.errors import Problem, ProblemsFound, UsageProblem, WorldFailure
from restoration_models.manifest import Manifest, Object
from restoration_models.project import Project
from restoration_models.publish.bucket import Bucket
from restoration_models.sources.address import is_local_host

LARGEST = 64 << 20
"""Bytes of a manifest; that of a thousand models has five million."""
SECONDS = (5.0, 30.0)
REWRITE = (
    "`models publish --rewrite` writes every object anew from the store; where that says the same, the "
    "store's own file is wrong: `models store verify --repair` first"
)
"""A plain publish keeps the versions that the manifest names."""


class ManifestMissing(WorldFailure):
    """There is no manifest at that place."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"there is no manifest ({reason})", where=where, remedy="publish one with `models publish`"
        )


class PublishedDiffers(ProblemsFound):
    """Objects are not what the manifest says."""

    def __init__(self, problems: list[Problem], remedy: str = "publish again with `models publish`") -> None:
        super().__init__(problems, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found true."""

    where: str
    sha256: str
    manifest: Manifest
    signed: bool
    """Whether the signature was verified; False where no key was given."""
    objects: int | None
    """How many objects were compared; None where the manifest is not the store's."""
    bytes: int | None
    """How many bytes were read and hashed; None where they were not asked for."""


def verify(
    project: Project,
    *,
    key: Path | None = None,
    source: str | None = None,
    bucket: Bucket | None = None,
    signed_by: str | None = None,
    read_bytes: bool = False,
) -> Verified:
    """Verify the manifest of the store, or at `source` (a file or an address).

    With `key`, a PEM file, its signature too: at `signed_by`, else beside the manifest. Of the
    store's manifest every object is looked at: its version, size and stated digest; with
    `read_bytes` the bytes themselves are hashed.

    Raises `ManifestMissing`, `ManifestUnreadable`, `SignatureMissing`, `SignatureWrong`,
    `PublishedDiffers`, `KeyUnusable`, `SigningMissing`, a `StoreFailure` and OSError.
    """
    if source is None:
        bucket = bucket or Bucket(store.settings(project))
        where = f"s3://{bucket.settings.bucket}/{manifest.NAME}"
        current = bucket.manifest()
        if current is None:
            raise ManifestMissing(where, "nothing was published yet")
        content = current.content
    else:
        bucket, where = None, source
        found = _read(where)
        if found is None:
            raise ManifestMissing(where, "nothing of that name")
        content = found
    if key is not None:
        name = signature.signature_name(content)
        said = _read(signed_by) if signed_by else _beside(bucket, where, name)
        if said is None:
            raise signature.SignatureMissing(signed_by or where)
        signature.verify(content, said, key, where)
    parsed = manifest.parse(content, where)
    counted = _objects(bucket, parsed) if bucket else None
    hashed = _bytes(bucket, parsed) if bucket and read_bytes else None
    digest = hashlib.sha256(content).hexdigest()
    return Verified(where, digest, parsed, key is not None, counted, hashed)


def _beside(bucket: Bucket | None, where: str, name: str) -> bytes | None:
    if bucket is not None:
        return bucket.read(name).content if bucket.has(name) else None
    return _read(urljoin(where, name) if "://" in where else str(Path(where).parent / name))


def _read(place: str) -> bytes | None:
    """The bytes of a file or an address; None where there is none."""
    if "://" not in place:
        try:
            return Path(place).read_bytes()
        except FileNotFoundError:
            return None
    import requests

    parts = urlsplit(place)
    if parts.scheme != "https" and (parts.scheme != "http" or not is_local_host(parts.hostname or "")):
        raise UsageProblem(
            "not an address to read a manifest from",
            where=place,
            remedy="give https://…, http:// on loopback, or a file",
        )
    try:
        with requests.get(place, timeout=SECONDS, stream=True) as answer:
            if answer.status_code in (403, 404):
                return None
            answer.raise_for_status()
            content = b""
            for chunk in answer.iter_content(1 << 16):
                content += chunk
                if len(content) > LARGEST:
                    raise ManifestMissing(place, "what is there is far larger")
            return content
    except requests.RequestException as error:
        raise ManifestMissing(place, f"it cannot be read: {type(error).__name__}") from error


def _objects(bucket: Bucket, published: Manifest) -> int:
    problems = []
    promised = published.objects()
    for one, found in bucket.find_each(promised):
        if found is None:
            problems.append(_problem(one, "the version that the manifest names is gone"))
        elif found.size != one.size:
            problems.append(_problem(one, f"it has {found.size} bytes, not {one.size}"))
        elif found.metadata.get("sha256") != one.sha256 or found.proved not in (None, one.sha256):
            problems.append(_problem(one, "it states another sha256 than the manifest"))
    if problems:
        raise PublishedDiffers(problems)
    return len(promised)


def _bytes(bucket: Bucket, published: Manifest) -> int:
    problems, read = [], 0
    for one in published.objects():
        digest, size = bucket.digest(one)
        read += size
        if digest != one.sha256:
            problems.append(_problem(one, f"its bytes have sha256 {digest}, not {one.sha256}"))
    if problems:
        raise PublishedDiffers(problems, REWRITE)
    return read


def _problem(one: Object, what: str) -> Problem:
    return Problem(one.key, 0, f"version {one.version_id}", what)
