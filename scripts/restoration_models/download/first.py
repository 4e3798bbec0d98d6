"""The first download of a file: nothing is known of it yet, and its digest is pinned by it.

Where the host states size and digest (Hugging Face) this is a download like any other. Else the
bytes that come are the file, so no second source is mixed in. Only where the server names the
file's version by a strong ETag is it fetched in ranges and an earlier run resumed, as long as each
answer has that ETag. All else that a server may say (a weak ETag, the date of the last change,
nothing) stays the same for two files that follow each other closely enough: then the file is one
single answer, and one that breaks off starts over.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from restoration_models.download import events
from restoration_models.download.budget import Budget
from restoration_models.download.digests import Digests, Follower, digests_of
from restoration_models.download.failure import DownloadFailed, WrongBytes
from restoration_models.download.fetch import Fetched, fetch
from restoration_models.download.inspect import SourceUnavailable, inspect
from restoration_models.download.lock import held
from restoration_models.download.partial import Partial, read_record, record_of
from restoration_models.download.place import require_space
from restoration_models.download.plan import Places, Request
from restoration_models.download.pour import pour, pour_file
from restoration_models.download.trouble import Changed, Disqualified, Stopped, Transient
from restoration_models.errors import WorldFailure
from restoration_models.files import disk_failure, write_text
from restoration_models.sources import FileSource, PypiSource, Source, WebSource


class FirstDownloadFailed(WorldFailure):
    """The address did not deliver a file."""

    def __init__(self, source: Source, reason: str) -> None:
        super().__init__(
            reason,
            where=source.label,
            remedy="check the address and the network and run it again, or bring the file by hand and give "
            "its path with --source ADDRESS",
        )


def first_contact(
    source: Source, name: str, places: Places, report: events.Reporter = events.silent
) -> Fetched:
    """Bring the file of `source` to the inbox, under the digest that it turns out to have.

    `name` stands in events. Raises `FirstDownloadFailed`, `NoSpace`, `DiskFailure`. What came is
    kept in the inbox as a verified file, so that a later request for this digest needs no source.
    """
    try:
        places.inbox.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_failure(places.inbox, error) from error
    alias = hashlib.sha256(source.address.encode()).hexdigest()[:16]
    with held(places.inbox / f"first-{alias}.lock", lambda: report(events.Waiting(name))):
        try:
            return _First(source, name, places, report, places.inbox / f"first-{alias}.partial").run()
        except Disqualified as refused:
            raise FirstDownloadFailed(source, refused.reason) from None
        except SourceUnavailable as error:
            raise FirstDownloadFailed(source, error.what) from None
        except (DownloadFailed, WrongBytes) as error:
            raise FirstDownloadFailed(source, error.failures[0].reason) from None


@dataclass(slots=True)
class _First:
    source: Source
    name: str
    places: Places
    report: events.Reporter
    path: Path
    """Of the file under assembly."""
    stop: threading.Event = field(default_factory=threading.Event)
    fetched: int = 0
    resumed: int = 0

    def run(self) -> Fetched:
        match self.source:
            case WebSource():
                return self._web(self.source)
            case PypiSource():
                from restoration_models.download.wheel import opened_member

                prefix = f"{self.path.stem}.wheel-"
                with (
                    tempfile.TemporaryDirectory(prefix=prefix, dir=self.places.inbox) as folder,
                    opened_member(
                        self.source, Path(folder), self.places.policy, self.stop, self._environ()
                    ) as member,
                    self._partial(member.size) as partial,
                ):
                    self.fetched = member.fetched
                    follower = Follower(partial)
                    try:
                        self._told(member.size)
                        policy = self.places.policy
                        pour(
                            member.blocks,
                            partial,
                            policy,
                            slug=self.name,
                            report=self.report,
                            stop=self.stop,
                        )
                        return self._keep(partial, follower.result())
                    finally:
                        follower.stop()
            case FileSource():
                return self._file(self.source)
            case _:
                raise Disqualified(f"is of a kind that cannot be downloaded ({self.source.kind})")

    def _web(self, source: WebSource) -> Fetched:
        offered = inspect(source, self.places.root, self.places.policy, self._environ())
        if offered.size is None:
            raise Disqualified("does not say how large its file is")
        if offered.sha256 is not None:
            known = Request(self.name, offered.sha256, offered.size, None, (source,))
            return fetch(known, self.places, self.report, self.stop)
        if remembered := self._remembered(offered.size):
            return remembered
        self._told(offered.size)
        budget = Budget(self.places.policy, offered.size, 0)
        tag = offered.tag
        while True:
            try:
                return self._attempt(source, offered.size, tag)
            except Changed:
                # Or its answers do not all say what they are of.
                tag, reason, delay = None, "its file changed between two ranges", 0.0
            except Transient as trouble:
                # Nothing is gained by what came before: it is thrown away.
                delay = budget.spend(trouble, 0)
                reason = f"{trouble.reason}; once more from the start"
            self.report(events.Retrying(self.name, source.label, reason, delay))
            if self.stop.wait(delay):
                raise Stopped

    def _attempt(self, source: WebSource, size: int, tag: str | None) -> Fetched:
        """Fetch the version that the strong ETag `tag` names; what one answer brings without one."""
        from restoration_models.download.transfer import Transfer

        with self._partial(size, tag) as partial:
            if partial.have:
                self.report(events.Resumed(self.name, partial.have, size))
            self.resumed = partial.have
            transfer = Transfer(
                source,
                partial,
                self.places.policy,
                self._environ(),
                use_ranges=tag is not None,
                tag=tag,
                first=True,
            )
            follower = Follower(partial)
            try:
                transfer.run(self.name, self.report, self.stop)
                return self._keep(partial, follower.result())
            except Disqualified as refused:
                if refused.other_bytes:
                    reason = f"its file is no longer of the {size:,} bytes that it said at first"
                    raise Disqualified(reason, other_bytes=True) from None
                raise
            finally:
                self.fetched += transfer.received
                follower.stop()

    def _remembered(self, size: int) -> Fetched | None:
        """What this address brought a while ago, where that still waits in the inbox."""
        try:
            sha256 = self.path.with_suffix(".sha256").read_text(encoding="ascii")
            verified = self.places.verified(sha256)
            if verified.stat().st_size != size:
                return None
        except (OSError, ValueError):
            return None
        self.report(events.Verifying(self.name, "inbox", size))
        digests = digests_of(verified)
        if digests.sha256 != sha256:
            return None
        return Fetched(verified, sha256, size, "inbox", 0, size, ())

    def _file(self, source: FileSource) -> Fetched:
        path = source.locate(self.places.root)
        size = inspect(source, self.places.root).size or 0
        self._told(size)
        with self._partial(size) as partial:
            follower = Follower(partial)
            try:
                policy = self.places.policy
                self.fetched = pour_file(
                    path, partial, policy, slug=self.name, report=self.report, stop=self.stop
                )
                return self._keep(partial, follower.result())
            finally:
                follower.stop()

    def _told(self, size: int) -> None:
        self.report(events.Started(self.name, self.source.label, size))

    def _environ(self) -> dict[str, str]:
        return dict(os.environ if self.places.environ is None else self.places.environ)

    @contextmanager
    def _partial(self, size: int, tag: str | None = None) -> Iterator[Partial]:
        """The file under assembly, of the state of the server's file that `tag` names.

        What is left of it at the end stays for the next run where there is a tag.
        """
        if not size:
            raise Disqualified("its file is empty")
        kept = read_record(self.path, size).total if tag and tag == self._known_tag() else 0
        require_space(self.places.inbox, size - kept + self.places.policy.spare_disk)
        partial = Partial(self.path, size, self.places.policy)
        keep = False
        try:
            if not kept:
                partial.discard()  # of an earlier run: perhaps another file's bytes
                if tag:
                    write_text(self._tag_file, tag)
            try:
                yield partial
            except Changed:
                raise
            except BaseException as error:
                if tag and partial.have and not getattr(error, "other_bytes", False):
                    partial.checkpoint()
                    keep = True
                raise
        finally:
            partial.close()
            if not keep:
                for path in (self._tag_file, self.path, record_of(self.path)):
                    path.unlink(missing_ok=True)

    @property
    def _tag_file(self) -> Path:
        return self.path.with_suffix(".tag")

    def _known_tag(self) -> str | None:
        """What the bytes of an earlier run are of."""
        try:
            return self._tag_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _keep(self, partial: Partial, digests: Digests) -> Fetched:
        partial.sync()
        verified = self.places.verified(digests.sha256)
        try:
            partial.path.replace(verified)
            write_text(self.path.with_suffix(".sha256"), digests.sha256)
        except OSError as error:
            raise disk_failure(verified, error) from error
        self.report(events.Verified(self.name, self.source.address, digests.size, self.fetched))
        return Fetched(
            verified,
            digests.sha256,
            digests.size,
            self.source.address,
            self.fetched,
            self.resumed,
            (),
        )
