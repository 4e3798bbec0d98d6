"""What git passes over: keys and weights must stay among it, and evidence must not get among it.

A team adds lines of its own to ``.gitignore``. The project's lines must stay, in their order, and no
line may take back what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from restoration_models.errors import Problem
from restoration_models.revision import Blob

NAME = ".gitignore"
ESSENTIAL = {
    ".dvc/.gitignore": ("/config.local", "/tmp", "/cache"),  # noqa: S108 - DVC's folder
    NAME: (
        "/layers/*/*/*",
        "!/layers/*/*/README.md",
        "!/layers/*/*/sample.png",
        "!/layers/*/reports/*.json",
        "!/layers/*/reports/.gitkeep",
        "/.store/",
    ),
}
"""The lines without which `git add` takes keys or weights, or leaves evidence behind."""
_ELSEWHERE = re.compile(r"!/?(?!layers/|\.store/|\.dvc/)[A-Za-z0-9._-]+/.+")
"""An exception for a folder that has nothing to do with models."""


def foreign(files: Mapping[str, Blob], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """A problem for each line that is missing, and for each that takes one back."""
    for path, lines in ESSENTIAL.items():
        present = _lines(contents.get(path, b""))
        start = 0
        for line in lines:
            if line in present[start:]:
                start = present.index(line, start) + 1
                continue
            what = "must come below the lines before it" if line in present else "this line is missing"
            yield Problem(path, 0, line, f"{what}: {_why(line)}", f"write it so in {path}")
    for path in files:
        if path not in ESSENTIAL and path.endswith(f"/{NAME}") and not _steers(path):
            continue
        if path.rpartition("/")[2] != NAME:
            continue
        for number, line in enumerate(_lines(contents.get(path, b"")), start=1):
            exception = line.startswith("!") and line not in ESSENTIAL.get(path, ())
            if exception and not (path == NAME and _ELSEWHERE.fullmatch(line)):
                what = "takes back what git is to pass over: keys or weights could be committed"
                yield Problem(path, number, "", what, "remove the line")


def _steers(path: str) -> bool:
    return path.startswith(("layers/", ".dvc/", ".store/"))


def _why(line: str) -> str:
    if line.startswith("!"):
        return "git would leave evidence behind"
    return "git would take keys" if line in ("/config.local", "/.store/") else "git would take weights"


def _lines(content: bytes) -> list[str]:
    """The lines as git reads them: without spaces at their ends."""
    return [line.rstrip(" \r") for line in content.decode("utf-8", "replace").split("\n")]
