"""Hugging Face: a file of a model, dataset or Space at a revision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from restoration_models.sources.address import WebAddress
from restoration_models.sources.base import SourceProblem, WebSource

HOST = "huggingface.co"


@dataclass(frozen=True, slots=True)
class HuggingFaceSource(WebSource):
    """A file of a Hugging Face repository."""

    kind: ClassVar[str] = "huggingface"
    tokens: ClassVar[Mapping[str, tuple[str, ...]]] = {HOST: ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")}

    repository: str
    """``owner/name``, with ``spaces/`` or ``datasets/`` before it where it is one."""
    revision: str
    """Commit, branch or tag."""

    @property
    def label(self) -> str:
        """Host and repository: one catalogue entry may have several."""
        return f"{HOST} ({self.repository})"

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, so that the bytes cannot change."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None

    @classmethod
    def claims(cls, address: WebAddress) -> bool:
        """Addresses of huggingface.co."""
        return address.host in (HOST, "www." + HOST) and address.scheme == "https"

    @classmethod
    def read(cls, address: WebAddress) -> HuggingFaceSource:
        """Make the source of `address`; raises `SourceProblem` for a page of the hub's."""
        match [part for part in address.segments if part]:
            case [("spaces" | "datasets") as of, owner, name, "resolve", revision, _, *_]:
                repository = f"{of}/{owner}/{name}"
            case [owner, name, "resolve", revision, _, *_]:
                repository = f"{owner}/{name}"
            case parts if "blob" in parts or "tree" in parts:
                raise SourceProblem(
                    address.text, "is a page that shows a file", "write /resolve/ instead of /blob/ or /tree/"
                )
            case _:
                raise SourceProblem(
                    address.text,
                    "is not a file on Hugging Face",
                    "expected /<owner>/<name>/resolve/<commit>/<path>, after /spaces or /datasets for those",
                )
        return cls(address.text, HOST, repository, revision)
