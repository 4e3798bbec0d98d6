"""A file on this machine, or on a share that it mounts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import unquote

from restoration_models.sources.base import Source, SourceProblem

SCHEME = "file:"


@dataclass(frozen=True, slots=True)
class FileSource(Source):
    """``file:<path>``: absolute, or relative to the project's root."""

    kind: ClassVar[str] = "file"

    path: PurePosixPath

    def locate(self, root: Path) -> Path:
        """Where the file is, for the project at `root`."""
        return root / self.path

    @classmethod
    def read(cls, address: str) -> FileSource:
        """Make the source of `address`; raises `SourceProblem` where it names no path."""
        rest = address[len(SCHEME) :]
        if rest.startswith("//"):
            host, slash, tail = rest[2:].partition("/")
            if host not in ("", "localhost") or not slash:
                raise SourceProblem(
                    address,
                    "names a host or a relative path after //",
                    "write file:///absolute or file:relative",
                )
            rest = "/" + tail
        text = unquote(rest)
        if not text.strip("/") or text.endswith("/") or re.search(r"[\x00-\x1f\x7f\\]", text):
            raise SourceProblem(
                address, "names no file", "write file:///absolute/path or file:path/from/the/root"
            )
        return cls(SCHEME + rest, PurePosixPath(text))
