"""The bucket as publishing needs it: look, copy on the server, write, replace the manifest."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from restoration_models import manifest
from restoration_models.catalogue.schema import PUBLISHED_ROOT
from restoration_models.errors import Problem, ProblemsFound
from restoration_models.publish.plan import Found
from restoration_models.publish.wanted import CHECKPOINT, SITE, Item
from restoration_models.store.client import NoKeys, ObjectMissing, StoreFailure, asking, pool
from restoration_models.store.objects import object_name
from restoration_models.store.settings import StoreSettings

ONE_REQUEST = 5 << 30
"""The largest object that S3 copies in one request."""
PART = 1 << 30
"""A larger one is composed of parts of this size."""
COPY_SECONDS = 900.0
"""A server answers a copy when it has made it."""
AT_ONCE = 8
REPAIR = "run `models store verify --repair`"
"""What is there under its name, `dvc push` does not look into."""
_META = "x-amz-meta-"

T = TypeVar("T")
U = TypeVar("U")


class NotVersioned(StoreFailure):
    """The bucket overwrites objects for good."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(
            f"bucket {settings.bucket} keeps no versions, so that a reader could meet other bytes than its "
            "manifest's",
            where=settings.endpoint,
            remedy="its operator switches versions on with `models store init`",
        )


class NotStored(ProblemsFound):
    """The store lacks checkpoints that are to be published."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems, remedy="do that where the checkpoints are; nothing was published")


class StoredBytesDiffer(StoreFailure):
    """The server copied other bytes than the lock names."""

    def __init__(self, settings: StoreSettings, source: str, item: Item, actual: str) -> None:
        super().__init__(
            f"{source} holds bytes with sha256 {actual}, not {item.sha256}; {item.key} was put back",
            where=settings.endpoint,
            remedy=f"{REPAIR} where the file is",
        )


@dataclass(frozen=True, slots=True)
class Current:
    """The manifest that is published now."""

    content: bytes
    etag: str
    version_id: str | None


class Bucket:
    """One bucket, with the keys of a maintainer. Its methods raise `StoreFailure`."""

    def __init__(self, settings: StoreSettings, *, one_request: int = ONE_REQUEST, part: int = PART) -> None:
        from minio import Minio

        if not (settings.access_key and settings.secret_key):
            raise NoKeys(settings)
        self.settings = settings
        self._one_request = one_request
        self._part = part
        self._speaker: Any = Minio(
            settings.netloc,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            session_token=settings.session_token,
            secure=settings.secure,
            region=settings.region,
            http_client=pool(settings, read_seconds=COPY_SECONDS),
        )

    # Looking.

    def require_versions(self) -> None:
        """Raise `NotVersioned` unless the bucket keeps every version."""
        from minio.commonconfig import ENABLED

        with asking(self.settings, doing="ask whether the bucket keeps versions"):
            if self._speaker.get_bucket_versioning(self.settings.bucket).status != ENABLED:
                raise NotVersioned(self.settings)

    def published(self) -> dict[str, Found]:
        """Every object under the published names and of the catalogue page, by key."""
        with asking(self.settings, doing="list the published names"):
            keys = [
                entry.object_name
                for prefix in (PUBLISHED_ROOT, SITE)
                for entry in self._speaker.list_objects(self.settings.bucket, prefix=prefix, recursive=True)
                if not entry.is_dir
            ]
        return {key: found for key, found in self._each(self.find, keys) if found is not None}

    def find(self, key: str, version_id: str | None = None) -> Found | None:
        """The object under `key` (of a version, else the present one), or None."""
        try:
            with asking(self.settings, doing=f"look at {key}", name=key):
                stat = self._speaker.stat_object(
                    self.settings.bucket,
                    key,
                    version_id=version_id,
                    extra_headers={"x-amz-checksum-mode": "ENABLED"},
                )
        except ObjectMissing:
            return None
        headers = {name.lower(): value for name, value in stat.metadata.items()}
        metadata = {name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)}
        etag = (stat.etag or "").strip('"')
        return Found(stat.version_id, stat.size, MappingProxyType(metadata), _proof(headers), etag)

    def find_each(self, promised: Iterable[manifest.Object]) -> list[tuple[manifest.Object, Found | None]]:
        """Each object that a manifest promises, with that very version as it is there."""
        return self._each(lambda one: self.find(one.key, one.version_id), list(promised))

    def digest(self, one: manifest.Object) -> tuple[str, int]:
        """The sha256 and the number of the bytes of that version, all read."""
        digest, size = hashlib.sha256(), 0
        with asking(self.settings, doing=f"read {one.key}", name=one.key):
            answer = self._speaker.get_object(self.settings.bucket, one.key, version_id=one.version_id)
            try:
                for chunk in answer.stream(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
            finally:
                answer.close()
                answer.release_conn()
        return digest.hexdigest(), size

    def manifest(self) -> Current | None:
        """The published manifest, or None."""
        try:
            return self.read(manifest.NAME)
        except ObjectMissing:
            return None

    def read(self, key: str) -> Current:
        """The bytes of a small object. Raises `ObjectMissing` among others."""
        with asking(self.settings, doing=f"read {key}", name=key):
            answer = self._speaker.get_object(self.settings.bucket, key)
            try:
                content = answer.read()
            finally:
                answer.close()
                answer.release_conn()
        return Current(content, answer.headers["etag"].strip('"'), answer.headers.get("x-amz-version-id"))

    def has(self, key: str) -> bool:
        """Whether there is such an object."""
        return self.find(key) is not None

    # Writing.

    def require_sources(self, items: Iterable[Item]) -> None:
        """Raise `NotStored`, naming every checkpoint of `items` that the store lacks."""
        wanted = {item.md5: item for item in items if item.md5}
        problems = []
        for md5, stat in self._each(self._source, list(wanted)):
            item = wanted[md5]
            if stat is None:
                what = f"the store does not have it ({object_name(self.settings, md5)})"
                remedy = "run `dvc push`"
            elif stat.size != item.size:
                what = f"the store has {stat.size} bytes of it, not {item.size}"
                remedy = REPAIR
            else:
                continue
            problems.append(Problem(item.metadata["model"], 0, "", what, remedy))
        if problems:
            raise NotStored(problems)

    def write(self, items: Iterable[Item], former: Mapping[str, Found]) -> dict[str, str]:
        """Bring `items` under their names; return the version of each.

        `former` is what was there, and comes back where a copy turns out to be other bytes.
        Raises `StoredBytesDiffer` among others.
        """

        def one(item: Item) -> str:
            return self._copy(item, former.get(item.key)) if item.content is None else self._put(item)

        return {item.key: version for item, version in self._each(one, list(items))}

    def put_manifest(self, content: bytes, replaces: Current | None) -> bool:
        """Replace the manifest if `replaces` is still the present one; return whether it was."""
        from minio.error import S3Error

        condition = {"If-Match": f'"{replaces.etag}"'} if replaces else {"If-None-Match": "*"}
        try:
            with asking(self.settings, doing="write the manifest"):
                try:
                    # The client's own methods cannot state a condition.
                    self._speaker._execute(
                        "PUT",
                        self.settings.bucket,
                        manifest.NAME,
                        body=content,
                        headers={"Content-Type": "application/json", **condition},
                    )
                except S3Error as error:
                    if error.code in ("PreconditionFailed", "ConditionalRequestConflict"):
                        return False
                    raise
        except ObjectMissing:  # it was removed meanwhile
            return False
        return True

    def put_signature(self, key: str, content: bytes) -> None:
        """Store a signature."""
        with asking(self.settings, doing="write the signature"):
            self._speaker.put_object(
                self.settings.bucket, key, io.BytesIO(content), len(content), content_type="application/json"
            )

    def remove(self, keys: Iterable[str]) -> None:
        """Take names away; their versions stay until they expire."""
        for key in keys:
            with asking(self.settings, doing=f"remove {key}"):
                self._speaker.remove_object(self.settings.bucket, key)

    def _source(self, md5: str) -> Any:
        name = object_name(self.settings, md5)
        try:
            with asking(self.settings, doing=f"look at {name}", name=name):
                return self._speaker.stat_object(self.settings.bucket, name)
        except ObjectMissing:
            return None

    def _put(self, item: Item) -> str:
        content = item.content or b""
        with asking(self.settings, doing=f"write {item.key}"):
            done = self._speaker.put_object(
                self.settings.bucket,
                item.key,
                io.BytesIO(content),
                len(content),
                content_type=item.content_type,
                metadata=dict(item.metadata),
            )
        return self._version(done.version_id)

    def _copy(self, item: Item, former: Found | None) -> str:
        from minio.commonconfig import REPLACE, ComposeSource, CopySource

        bucket, source = self.settings.bucket, object_name(self.settings, item.md5 or "")
        metadata = {**item.metadata, "Content-Type": item.content_type}
        with asking(self.settings, doing=f"write {item.key}", name=source):
            if item.size > self._one_request:
                parts = [
                    ComposeSource(bucket, source, offset=start, length=length)
                    for start, length in self._parts(item.size)
                ]
                done = self._speaker.compose_object(bucket, item.key, parts, metadata=metadata)
                return self._version(done.version_id)
            # MinIO computes this digest while it copies: proof without moving a byte to here.
            metadata["x-amz-checksum-algorithm"] = "SHA256"
            done = self._speaker.copy_object(
                bucket, item.key, CopySource(bucket, source), metadata=metadata, metadata_directive=REPLACE
            )
        proved = _proof({name.lower(): value for name, value in (done.http_headers or {}).items()})
        if proved not in (None, item.sha256):
            self._put_back(item.key, former)
            raise StoredBytesDiffer(self.settings, source, item, proved or "")
        return self._version(done.version_id)

    def put_back(self, ours: Mapping[str, Sequence[str]], promised: Mapping[str, str]) -> dict[str, str]:
        """Where a name still leads to the last of our versions, have it lead to the bytes of another one.

        That is the version that a manifest has `promised`, else the one before ours. Returns the new
        versions by key.
        """

        def one(key: str) -> str | None:
            present = self.find(key)
            if present is None or present.version_id != ours[key][-1] or promised.get(key) in ours[key]:
                return None
            former = self.find(key, promised[key]) if key in promised else self._before(key, ours[key])
            # What is promised and gone cannot be had back; the name stays, for there is nothing better.
            return None if former is None and key in promised else self._put_back(key, former)

        return {key: version for key, version in self._each(one, list(ours)) if version is not None}

    def _before(self, key: str, ours: Sequence[str]) -> Found | None:
        """What `key` led to before our versions; None where it led to nothing."""
        with asking(self.settings, doing=f"look at the versions of {key}"):
            listed = self._speaker.list_objects(
                self.settings.bucket, prefix=key, recursive=True, include_version=True
            )
            versions = sorted(
                (one for one in listed if one.object_name == key), key=lambda one: one.last_modified
            )
        former = [one for one in versions if one.version_id not in ours]
        if not former or former[-1].is_delete_marker:
            return None
        return self.find(key, former[-1].version_id)

    def _put_back(self, key: str, former: Found | None) -> str:
        """Have `key` lead to the bytes of `former` again; the new version, "" where it leads to nothing."""
        from minio.commonconfig import COPY, ComposeSource, CopySource

        if former is None or former.version_id is None:
            self.remove([key])
            return ""
        bucket, version = self.settings.bucket, former.version_id
        with asking(self.settings, doing=f"put {key} back"):
            if former.size > self._one_request:
                parts = [
                    ComposeSource(bucket, key, version_id=version, offset=start, length=length)
                    for start, length in self._parts(former.size)
                ]
                metadata = {**former.metadata, "Content-Type": CHECKPOINT}
                done = self._speaker.compose_object(bucket, key, parts, metadata=metadata)
            else:
                source = CopySource(bucket, key, version_id=version)
                done = self._speaker.copy_object(bucket, key, source, metadata_directive=COPY)
        return self._version(done.version_id)

    def _parts(self, size: int) -> list[tuple[int, int]]:
        """Offset and length of each part of a large object."""
        return [(start, min(self._part, size - start)) for start in range(0, size, self._part)]

    def _version(self, version_id: str | None) -> str:
        if not version_id:
            raise NotVersioned(self.settings)
        return version_id

    def _each(self, call: Callable[[T], U], inputs: list[T]) -> list[tuple[T, U]]:
        """Each input with its result, several at once; the first failure is raised when all ended."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(zip(inputs, threads.map(call, inputs), strict=True))


def _proof(headers: Mapping[str, str]) -> str | None:
    """The sha256 of the whole object that the server computed, as hexadecimal digits."""
    value = headers.get("x-amz-checksum-sha256", "")
    # That of an object made of parts is a digest of digests, and ends in their number.
    if not value or "-" in value or headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        return base64.b64decode(value, validate=True).hex()
    except ValueError:
        return None
