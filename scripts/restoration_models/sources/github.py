"""GitHub: assets of a release, and files of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from restoration_models.sources.address import WebAddress
from restoration_models.sources.base import SourceProblem, WebSource

HOST = "github.com"


@dataclass(frozen=True, slots=True)
class GithubSource(WebSource):
    """A release asset, or a file in a repository's tree."""

    kind: ClassVar[str] = "github"
    tokens: ClassVar[Mapping[str, tuple[str, ...]]] = {HOST: ("GITHUB_TOKEN", "GH_TOKEN")}

    repository: str
    """``owner/name``."""

    @classmethod
    def claims(cls, address: WebAddress) -> bool:
        """Addresses of github.com itself."""
        return address.host in (HOST, "www." + HOST) and address.scheme == "https"

    @classmethod
    def read(cls, address: WebAddress) -> GithubSource:
        """Make the source of `address`; raises `SourceProblem` for a page of GitHub's."""
        match [part for part in address.segments if part]:
            case [owner, name, "releases", "download", _, _]:
                pass
            case [owner, name, "releases", "latest", "download", _]:
                pass
            case [owner, name, "raw", _, _, *_]:
                pass
            case [_, _, "blob", *_]:
                raise SourceProblem(
                    address.text, "is a page that shows a file", "write /raw/ instead of /blob/"
                )
            case _:
                raise SourceProblem(
                    address.text,
                    "is not a file on GitHub",
                    "expected /<owner>/<name>/releases/download/<tag>/<file> or …/raw/<commit>/<path>",
                )
        return cls(address.text, HOST, f"{owner}/{name}")
