"""What a source says about its file, without downloading it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from restoration_models.download.policy import DEFAULT, Policy
from restoration_models.download.trouble import Disqualified, Transient
from restoration_models.errors import WorldFailure
from restoration_models.sources import FileSource, Source, SourceRefused, WebSource


@dataclass(frozen=True, slots=True)
class Offered:
    """What a source offers; None where it does not say."""

    size: int | None
    sha256: str | None
    resumable: bool
    tag: str | None = None
    """The strong ETag of what it offers now."""


class SourceUnavailable(WorldFailure):
    """A source that was asked about its file has none, or cannot be asked."""

    def __init__(self, source: Source, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason, where=source.label, remedy="ask again later, or list another source")
        self.passing = passing
        """It may answer in a moment."""


def inspect(
    source: Source, root: Path, policy: Policy = DEFAULT, environ: Mapping[str, str] | None = None
) -> Offered:
    """Return what `source` says about its file; `root` is where relative file sources start.

    Hugging Face states the sha256. Raises `SourceUnavailable`.
    """
    match source:
        case FileSource():
            path = source.locate(root)
            if not path.is_file():
                raise SourceUnavailable(source, "there is no such file")
            return Offered(path.stat().st_size, None, True)
        case WebSource():
            try:
                return _ask(source, policy, os.environ if environ is None else environ)
            except Transient as trouble:
                raise SourceUnavailable(source, trouble.reason, passing=True) from None
            except Disqualified as trouble:
                raise SourceUnavailable(source, trouble.reason) from None
            except SourceRefused as refusal:
                raise SourceUnavailable(source, str(refusal)) from None
        case _:
            return Offered(None, None, False)


def _ask(source: WebSource, policy: Policy, environ: Mapping[str, str]) -> Offered:
    from restoration_models.download.web import Web, page_words, status_trouble

    web = Web(source, policy, environ)
    url = source.url
    # Not every server answers HEAD (signed addresses are often for GET only), and pages
    # must be read: then one byte is asked for.
    tries = [("HEAD", {}), ("GET", {"Range": "bytes=0-0"}), ("GET", {"Range": "bytes=0-0"})]
    try:
        for method, headers in tries:
            answer = web.open(url, headers, method)
            try:
                if method == "HEAD":
                    if answer.status != 200 or answer.is_page:
                        continue
                elif answer.status not in (200, 206):
                    raise status_trouble(answer)
                if answer.is_page:
                    text = answer.page()
                    following = source.follow_page(text)
                    if following is None:
                        raise Disqualified(page_words(text))
                    url = following
                    continue
                told = answer.content_range
                size = told[2] if answer.status == 206 and told else answer.length
                ranges = answer.status == 206 or answer.headers.get("Accept-Ranges", "").lower() == "bytes"
                linked_size, sha256 = _linked([*answer.hops, answer.headers])
                tag = answer.validator or ""
                return Offered(
                    linked_size or (None if answer.encoding else size),
                    sha256,
                    ranges,
                    tag if tag.startswith('"') else None,
                )
            finally:
                answer.close()
        raise Disqualified("answers pages, never the file")
    finally:
        web.close()


def _linked(hops: list[Mapping[str, str]]) -> tuple[int | None, str | None]:
    """What Hugging Face states on the way to the file: its size and sha256."""
    size: int | None = None
    sha256: str | None = None
    for headers in hops:
        if re.fullmatch(r"\d{1,18}", told := headers.get("X-Linked-Size", "")):
            size = int(told)
        if found := re.fullmatch(r'(?:W/)?"?([0-9a-f]{64})"?', headers.get("X-Linked-ETag", "")):
            sha256 = found[1]
    return size, sha256
