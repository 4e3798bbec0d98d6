"""A publish, in the one order that keeps the manifest true: objects, signature, manifest, removals.

Objects are versioned and the manifest names versions, so that a reader of the former manifest goes
on reading the former bytes until the new manifest is there, wherever a publish ends. What was done
is looked at again before the publish counts as done: a second one may have written in between. One
that gives way to another puts back the names that it wrote: the other may have looked before that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from restoration_models import catalogue, manifest, store
from restoration_models.errors import RestorationModelsError, WorldFailure
from restoration_models.manifest import Manifest
from restoration_models.project import Project
from restoration_models.publish import checkout
from restoration_models.publish.bucket import Bucket, Current
from restoration_models.publish.plan import Change, Found, Plan, changes, plan
from restoration_models.publish.wanted import SITE_PAGE, Edition, Item, LeftOut, edition
from restoration_models.signature import Signer, signature_name

ATTEMPTS = 8
AGAIN = (
    "publish within 30 days: names that were written meanwhile were put back as new versions, "
    "and the former ones, which the manifest names, expire then"
)
"""What a publish that gave way leaves to do."""
PENDING = "-"
"""Stands for a version that a dry run cannot know."""


class Contended(WorldFailure):
    """Another publish gets in between, again and again."""

    def __init__(self) -> None:
        super().__init__(
            f"another publish replaced the manifest or its objects {ATTEMPTS} times meanwhile",
            where=manifest.NAME,
            remedy="let one publish run at a time; what is published is whole",
        )


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did, or with a dry run would do."""

    commit: str
    dirty: bool
    models: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    copied: tuple[str, ...]
    """Names that the server copied a checkpoint to."""
    uploaded: tuple[str, ...]
    """Names that cards, pictures and reports were written to."""
    unchanged: int
    """Objects that were as they should be."""
    changes: tuple[Change, ...]
    replaced: bool
    """Whether the manifest was replaced."""
    manifest_sha256: str | None
    """None in a dry run that would write objects: their versions are not known yet."""
    manifest_version: str | None
    signature: str | None
    """The signature's key; None where none was asked for."""
    left: tuple[str, ...]
    """Names of former publishes that are still there."""
    pruned: tuple[str, ...]
    foreign: tuple[str, ...]
    """Names that no publish wrote."""
    superseded: bool = False
    """Whether another publish has replaced the manifest since."""
    put_back: tuple[str, ...] = ()
    """Names that this one wrote after that, and that lead to the other's bytes again."""


def publish(
    project: Project,
    *,
    bucket: Bucket | None = None,
    dry_run: bool = False,
    prune: bool = False,
    sign: Path | None = None,
    allow_dirty: bool = False,
    allow_older: bool = False,
    rewrite: bool = False,
) -> Published:
    """Publish what this checkout's commit says.

    A second call changes nothing; with `rewrite` every object is written anew, whatever is there. A
    manifest is replaced by a commit that builds upon its own, and with `allow_older` by any. Raises
    `ProblemsFound` for the catalogue, for files that are not the locked ones and for checkpoints that
    the store lacks; `NoCommit`, `NotCommitted`, `OlderThanPublished`, `NothingToPublish`,
    `NotVersioned`, `Contended`, a `StoreFailure` and what `Signer` raises. Whatever is raised, the
    manifest that is there is true.
    """
    state = checkout.look(project)
    if state.uncommitted and not allow_dirty:
        raise checkout.NotCommitted(state.uncommitted)
    wanted = edition(project, catalogue.load(project), state.commit, dirty=bool(state.uncommitted))
    signer = Signer.read(sign) if sign else None
    there = bucket or Bucket(store.settings(project))
    there.require_versions()
    return _Run(project, wanted, there, signer, allow_older, rewrite).run(dry_run=dry_run, prune=prune)


class _Run:
    def __init__(
        self,
        project: Project,
        wanted: Edition,
        bucket: Bucket,
        signer: Signer | None,
        allow_older: bool,
        rewrite: bool,
    ) -> None:
        self.project = project
        self.wanted = wanted
        self.bucket = bucket
        self.signer = signer
        self.allow_older = allow_older
        self.rewrite = rewrite
        self.written: dict[str, list[str]] = {}
        """The versions that this run wrote, by key."""
        self.unchanged: int | None = None
        self.before: Manifest | None = None
        self.ours: bytes | None = None
        """The manifest that this run wrote."""
        self.signature: str | None = None

    def run(self, *, dry_run: bool, prune: bool) -> Published:
        try:
            return self._run(dry_run=dry_run, prune=prune)
        except RestorationModelsError as error:
            with suppress(RestorationModelsError):
                # Nothing is put back where it is this run's own manifest that is there.
                if self._give_way():
                    error.remedy = f"{error.remedy}; {AGAIN}" if error.remedy else AGAIN
            raise

    def _run(self, *, dry_run: bool, prune: bool) -> Published:
        for _ in range(ATTEMPTS):
            current = self.bucket.manifest()
            former = _parsed(current)
            if self.ours is not None and (current is None or current.content != self.ours):
                return replace(self._result(current, None, superseded=True), put_back=self._give_way())
            self._refuse_older(former)
            if self.ours is None:
                self.before = former
            found = self.bucket.published()
            todo = self._plan(former, found)
            if self.unchanged is None:
                self.unchanged = len(todo.keep)
            self.bucket.require_sources(todo.write)
            if dry_run:
                return self._foreseen(current, todo)
            versions = self._write(todo.write, found)
            self._wrote(versions)
            content = self.wanted.manifest({**todo.keep, **versions}).to_json().encode()
            # The signature is there before anybody can read what it signs.
            self._sign(content)
            if current is not None and current.content == content:
                pruned = todo.left if prune else ()
                self.bucket.remove(pruned)
                return self._result(current, todo, pruned=pruned)
            if self.bucket.put_manifest(content, current):
                self.ours = content
        raise Contended

    def _write(self, items: tuple[Item, ...], found: Mapping[str, Found]) -> dict[str, str]:
        """Write `items`, the catalogue page after the pictures that it names."""
        page = [item for item in items if item.key == SITE_PAGE]
        rest = [item for item in items if item.key != SITE_PAGE]
        return self.bucket.write(rest, found) | self.bucket.write(page, found)

    def _give_way(self) -> tuple[str, ...]:
        """Where names still lead to what this run wrote, have them lead to what the manifest names; which.

        Whoever wrote the manifest looked at the names afterwards, but perhaps before this run's last
        writes: those that the manifest does not speak for are this run's to put right. A manifest that
        comes in between is looked at too.
        """
        done: set[str] = set()
        current = self.bucket.manifest() if self.written else None
        for _ in range(ATTEMPTS):
            former = _parsed(current)
            if former is None:
                break
            promised = {one.key: one.version_id for one in former.objects()}
            back = self.bucket.put_back(self.written, promised)
            self._wrote(back)
            done |= set(back)
            looked, current = current, self.bucket.manifest()
            if current == looked:
                break
        return tuple(sorted(done))

    def _wrote(self, versions: Mapping[str, str]) -> None:
        for key, version in versions.items():
            self.written.setdefault(key, []).append(version)

    def _plan(self, former: Manifest | None, found: Mapping[str, Found]) -> Plan:
        """What is to be done; what this run wrote and what the present manifest names is vouched for."""
        items = self.wanted.items
        vouched = {
            (key, one, items[key].sha256) for key, versions in self.written.items() for one in versions
        }
        if self.rewrite:
            found = {
                key: one
                for key, one in found.items()
                if key not in items or (key, one.version_id, items[key].sha256) in vouched
            }
        elif former is not None:
            vouched |= {(one.key, one.version_id, one.sha256) for one in former.objects()}
        return plan(self.wanted, found, vouched)

    def _refuse_older(self, former: Manifest | None) -> None:
        if former is None or self.allow_older:
            return
        ours = self.wanted.commit
        stands = checkout.relation(self.project, ours, former.commit)
        if stands is checkout.Relation.BEFORE:
            return
        wanted = {model.slug: model.sha256 for model, _, _ in self.wanted.models}
        gone = tuple(model.slug for model in former.models if model.slug not in wanted)
        other = tuple(
            model.slug for model in former.models if wanted.get(model.slug, model.sha256) != model.sha256
        )
        raise checkout.OlderThanPublished(ours, former.commit, stands, gone, other)

    def _sign(self, content: bytes) -> None:
        if self.signer is None:
            return
        key = signature_name(content)
        if not (self.bucket.has(key) and self.signer.made(content, self.bucket.read(key).content)):
            self.bucket.put_signature(key, self.signer.sign(content))
        self.signature = key

    def _foreseen(self, current: Current | None, todo: Plan) -> Published:
        """What would be done: versions that are not there yet are not compared."""
        known = {item.key: PENDING for item in todo.write} | dict(todo.keep)
        after = self.wanted.manifest(known)
        content = after.to_json().encode()
        replaced = current is None or current.content != content
        return self._made(
            todo,
            copied=tuple(item.key for item in todo.write if item.content is None),
            uploaded=tuple(item.key for item in todo.write if item.content is not None),
            changes=changes(self.before, after),
            replaced=replaced,
            digest=None if todo.write else hashlib.sha256(content).hexdigest(),
            version=current.version_id if current and not replaced else None,
        )

    def _result(
        self,
        current: Current | None,
        todo: Plan | None,
        *,
        pruned: tuple[str, ...] = (),
        superseded: bool = False,
    ) -> Published:
        content = self.ours if self.ours is not None else current.content if current else b""
        after = manifest.parse(content, manifest.NAME)
        small = {key for key, item in self.wanted.items.items() if item.content is not None}
        return self._made(
            todo,
            copied=tuple(sorted(set(self.written) - small)),
            uploaded=tuple(sorted(set(self.written) & small)),
            changes=changes(self.before, after) if self.ours is not None else (),
            replaced=self.ours is not None,
            digest=hashlib.sha256(content).hexdigest(),
            version=current.version_id if current and not superseded else None,
            pruned=pruned,
            superseded=superseded,
        )

    def _made(
        self,
        todo: Plan | None,
        *,
        copied: tuple[str, ...],
        uploaded: tuple[str, ...],
        changes: tuple[Change, ...],
        replaced: bool,
        digest: str | None,
        version: str | None,
        pruned: tuple[str, ...] = (),
        superseded: bool = False,
    ) -> Published:
        wanted = self.wanted
        return Published(
            commit=wanted.commit,
            dirty=wanted.dirty,
            models=tuple(model.slug for model, _, _ in wanted.models),
            left_out=wanted.left_out,
            copied=copied,
            uploaded=uploaded,
            unchanged=self.unchanged or 0,
            changes=changes,
            replaced=replaced,
            manifest_sha256=digest,
            manifest_version=version,
            signature=self.signature,
            left=tuple(key for key in todo.left if key not in pruned) if todo else (),
            pruned=pruned,
            foreign=todo.foreign if todo else (),
            superseded=superseded,
        )


def _parsed(current: Current | None) -> Manifest | None:
    """The manifest that is there; None too for something else of that name, which is then replaced."""
    if current is None:
        return None
    try:
        return manifest.parse(current.content, manifest.NAME)
    except manifest.OtherVersion:
        raise
    except manifest.ManifestUnreadable:
        return None
