"""Where a reader of the review finds the pictures of both sides."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from urllib.parse import quote

from restoration_models.cards.markdown import Markdown, code
from restoration_models.errors import UsageProblem

_PREFIX = re.compile(r"(?:https?|file)://[A-Za-z0-9._~:/%@+-]*")
WIDTH = 380
"""Pixels: two pictures fit side by side into a comment."""


class BadAddress(UsageProblem):
    """The pictures' address is none."""

    def __init__(self, given: str) -> None:
        super().__init__(
            "not an address that pictures could have",
            where=f"--images {given}",
            remedy="give one such as https://github.com/OWNER/REPOSITORY/raw",
        )


def prefix(given: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """What a picture's address begins with: as `given`, else the repository of GitHub's runner, else None.

    A comment's relative links lead nowhere, so the address is absolute; GitHub shows a private
    repository's own pictures to who may read it. Raises `BadAddress`.
    """
    if given is None:
        server, repository = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
        given = f"{server}/{repository}/raw" if server and repository else None
    if given is None:
        return None
    if not _PREFIX.fullmatch(given):
        raise BadAddress(given)
    return given.rstrip("/")


def shown(start: str | None, commit: str, path: str, alt: str) -> Markdown:
    """The picture `path` of `commit`; where it is to be had, if nothing can show it."""
    if start is None:
        # To a file: on a terminal, a picture's bytes do harm.
        target = f"{path.split('/')[-2]}-{commit[:7]}.png"
        return code(f"git show {shlex.quote(f'{commit[:12]}:{path}')} > {shlex.quote(target)}")
    address = f"{start}/{commit}/{quote(path)}"
    return Markdown(f'<a href="{address}"><img src="{address}" width="{WIDTH}" alt="{alt}"></a>')
