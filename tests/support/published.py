"""A models repository whose models count as validated, and a bucket of its own to publish it to.

Publishing reads the catalogue, the lock, the reports and the pictures, and has the server copy bytes:
what the bytes are matters to nobody, so that these are random and nothing is run.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from restoration_models import cards, catalogue
from restoration_models.manifest import Manifest, parse
from restoration_models.project import Project
from restoration_models.publish.bucket import Bucket
from restoration_models.store import StoreSettings, client, object_name
from restoration_models.store.local_config import write_remote
from support import catalogue as made
from support.layers import FAMILY, md5, report_of, write
from support.servers import REPOSITORY, Server, commit, git
from support.workspace import PIPELINE_FILES

_numbers = itertools.count()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Shelf:
    """A git repository with two layers and the models that were put there."""

    root: Path
    contents: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"layer-1": {}, "layer-2": {}}
    )
    pictures: dict[str, bytes] = field(default_factory=dict)
    """Of models that have a real one."""

    @classmethod
    def begin(cls, root: Path, *, git_too: bool = True) -> Shelf:
        root.mkdir(parents=True)
        for name in PIPELINE_FILES:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(REPOSITORY / name, root / name)
        if git_too:
            git(root, "init", "--quiet", "--initial-branch=main")
        return cls(root)

    @property
    def project(self) -> Project:
        return Project(self.root)

    def put(self, slug: str, content: bytes, layer: str = "layer-1", **fields: Any) -> None:
        """Declare `slug` with these bytes, as validated."""
        entry: dict[str, Any] = {
            "family": "nafnet",
            "task": "denoising-real",
            "description": {"es": f"El modelo {slug}", "en": f"The model {slug}"},
            "file": f"{slug}.pth",
            "size": len(content),
            "sha256": sha256(content),
            "sources": [f"https://example.org/{slug}.pth"],
            "expects": {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 3},
        }
        entry |= {key.replace("_", "-"): value for key, value in fields.items()}
        self.contents[slug] = content
        self.entries[layer][slug] = {key: value for key, value in entry.items() if value is not None}

    def declare(self, slug: str, layer: str = "layer-1", **fields: Any) -> None:
        """Declare `slug` and nothing more."""
        self.put(slug, slug.encode(), layer, **fields)
        del self.contents[slug]

    def take_away(self, slug: str) -> None:
        """Remove the model and its files."""
        self.contents.pop(slug, None)
        for layer, entries in self.entries.items():
            if entries.pop(slug, None) is not None:
                self.project.report(layer, slug).unlink(missing_ok=True)
                shutil.rmtree(self.project.model(layer, slug), ignore_errors=True)

    def commit(self, message: str = "A change") -> str:
        """Write every file as the pipeline would, commit, and return the commit."""
        families = {"nafnet": FAMILY}
        layers: dict[str, dict[str, Any] | str | bytes] = {
            name: made.layer(entries, publish=f"pretrained_models/{name.replace('-', '_')}")
            for name, entries in self.entries.items()
        }
        made.write(self.root, made.head(layers=list(self.entries), families=families), layers)
        for name, entries in self.entries.items():
            shutil.copyfile(REPOSITORY / "layers/layer-1/dvc.yaml", self.root / "layers" / name / "dvc.yaml")
            (self.project.layer(name) / "reports").mkdir(exist_ok=True)
            stages: dict[str, Any] = {}
            for slug, entry in entries.items():
                if slug in self.contents:
                    stages |= self._stages(name, slug, entry)
            write(self.project.lock(name), {"schema": "2.0", "stages": stages})
        loaded = catalogue.load(self.project)
        for name in self.entries:
            cards.write_layer(self.project, loaded, name)
        commit(self.root, message)
        return git(self.root, "rev-parse", "HEAD").strip()

    def _stages(self, layer: str, slug: str, entry: dict[str, Any]) -> dict[str, Any]:
        content = self.contents[slug]
        report = report_of(slug, entry, md5=md5(content), fingerprint=sha256(content + b"tensors"))
        report.write(self.project.report(layer, slug))
        evidence = self.project.report(layer, slug).read_bytes()
        picture = self.pictures.get(slug, b"picture of " + content[:8])
        self.project.picture(layer, slug).parent.mkdir(parents=True, exist_ok=True)
        self.project.picture(layer, slug).write_bytes(picture)
        weights = {
            "path": f"{slug}/{entry['file']}",
            "hash": "md5",
            "md5": md5(content),
            "size": len(content),
        }
        options = "".join(f" --{key} {value}" for key, value in entry["expects"].items())
        return {
            f"download@{slug}": {
                "cmd": f"models download {slug} --sha256 {entry['sha256']}",
                "outs": [weights],
            },
            f"validate@{slug}": {
                "cmd": f"models validate {slug} --protocol 1 --task {entry['task']}{options}",
                "deps": [weights],
                "outs": [
                    {"path": f"reports/{slug}.json", "hash": "md5", "md5": md5(evidence)},
                    {"path": f"{slug}/sample.png", "hash": "md5", "md5": md5(picture)},
                ],
            },
        }

    def use(self, bucket: Shop) -> None:
        """Point this clone at the bucket, as a person does."""
        settings = bucket.settings
        values = {
            "url": f"s3://{settings.bucket}/{settings.prefix}",
            "endpointurl": settings.endpoint,
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
        }
        write_remote(self.project.dvc_folder / "config.local", "minio", values)

    def keep(self) -> None:
        """Put every model's bytes into DVC's cache, as a download does."""
        for content in self.contents.values():
            digest = md5(content)
            path = self.project.dvc_folder / "cache" / "files" / "md5" / digest[:2] / digest[2:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def push(self, bucket: Shop) -> None:
        """Store every model's bytes where DVC keeps them."""
        for content in self.contents.values():
            bucket.write(object_name(bucket.settings, md5(content)), content)


@dataclass
class Shop:
    """A bucket of a real server, with versions."""

    settings: StoreSettings

    @property
    def speaker(self) -> Any:
        return client(self.settings)

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.settings)

    def write(self, key: str, content: bytes, **metadata: str) -> None:
        self.speaker.put_object(
            self.settings.bucket, key, io.BytesIO(content), len(content), metadata=dict(metadata)
        )

    def read(self, key: str, version_id: str | None = None) -> bytes:
        answer = self.speaker.get_object(self.settings.bucket, key, version_id=version_id)
        try:
            content: bytes = answer.read()
            return content
        finally:
            answer.close()
            answer.release_conn()

    def manifest(self) -> Manifest:
        return parse(self.read("catalogue.json"), "catalogue.json")

    def names(self) -> set[str]:
        """Every name that leads to an object now."""
        return {each.object_name for each in self.speaker.list_objects(self.settings.bucket, recursive=True)}

    def versions(self) -> set[tuple[str, str, bool]]:
        """Every version and every mark of a deletion: what any write would add to."""
        listed = self.speaker.list_objects(self.settings.bucket, recursive=True, include_version=True)
        return {(each.object_name, each.version_id, each.is_delete_marker) for each in listed}


@contextmanager
def shop(server: Server, *, versioned: bool = True) -> Iterator[Shop]:
    """A new bucket of `server`; gone afterwards."""
    settings = server.settings(f"publish-{next(_numbers)}")
    speaker = client(settings)
    speaker.make_bucket(settings.bucket)
    if versioned:
        speaker.set_bucket_versioning(settings.bucket, VersioningConfig(ENABLED))
    try:
        yield Shop(settings)
    finally:
        for each in speaker.list_objects(settings.bucket, recursive=True, include_version=True):
            speaker.remove_object(settings.bucket, each.object_name, each.version_id)
        speaker.remove_bucket(settings.bucket)
