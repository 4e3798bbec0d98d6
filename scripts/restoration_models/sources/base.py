"""What every kind of source has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from restoration_models.credentials import shown
from restoration_models.errors import ModelProblem


class SourceProblem(ModelProblem):
    """An address in the catalogue that names no file a download could fetch.

    It says of the address what may be shown, whoever raises it.
    """

    def __init__(self, address: str, what: str, remedy: str | None = None) -> None:
        super().__init__(what, where=f'source "{shown(address)}"', remedy=remedy)
        self.address = shown(address)


class SourceRefused(Exception):  # not an error of ours: the source said no
    """The source answered, but will not hand out the file; the text says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One address of a file, understood. Two sources are equal where they fetch the same thing."""

    kind: ClassVar[str]
    """The word for this kind: https, github, huggingface, gdrive, pypi or file."""

    address: str
    """As the catalogue writes it, normalised; ``parse(source.address) == source``."""

    @property
    def label(self) -> str:
        """What messages call this source: short, and free of anything secret."""
        return self.address


@dataclass(frozen=True, slots=True)
class WebSource(Source):
    """A source that is fetched over HTTP, by the one transfer engine."""

    tokens: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Host to the environment variables that may hold a token for it, first set one wins."""

    host: str
    """Lower case, without the port."""

    @property
    def url(self) -> str:
        """Where the first request goes."""
        return self.address

    @property
    def label(self) -> str:
        """The host: what a person recognises a mirror by."""
        return self.host

    @property
    def trust(self) -> bool | str:
        """TLS: checked against the usual authorities, not at all, or against this file of authorities."""
        return True

    @property
    def direct(self) -> bool:
        """Whether it is asked past any proxy that the environment names."""
        return False

    def follow_page(self, text: str) -> str | None:
        """Return the address that an HTML answer leads to, or None where it is just a page.

        Raises `SourceRefused` where the page says why there is no file.
        """
        del text
        return None
