"""Google Drive: a shared file, past the pages that stand before its bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urljoin, urlsplit

from restoration_models.sources.address import WebAddress
from restoration_models.sources.base import SourceProblem, SourceRefused, WebSource

HOST = "drive.google.com"
_HOSTS = frozenset({HOST, "docs.google.com", "drive.usercontent.google.com"})
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{10,}")
_GOOGLE = (".google.com", ".googleusercontent.com")


@dataclass(frozen=True, slots=True)
class GdriveSource(WebSource):
    """A file that anyone with its link may read."""

    kind: ClassVar[str] = "gdrive"

    identifier: str
    """Drive's id of the file."""

    @property
    def label(self) -> str:
        """Host and the beginning of the id: one catalogue entry may have several."""
        return f"{HOST} ({self.identifier[:8]}…)"

    @classmethod
    def claims(cls, address: WebAddress) -> bool:
        """Addresses of Drive, whatever its form."""
        return address.host in _HOSTS

    @classmethod
    def read(cls, address: WebAddress) -> GdriveSource:
        """Make the source of `address`; every way to write one file gives the same source."""
        match [part for part in address.segments if part]:
            case ["uc" | "open" | "download"]:
                identifier = address.query_value("id") or ""
            case ["file", "d", identifier] | ["file", "d", identifier, "view" | "edit" | "preview"]:
                pass
            case ["drive", "folders", *_]:
                raise SourceProblem(
                    address.text,
                    "is a folder on Google Drive",
                    "give the address of one file: https://drive.google.com/uc?id=<id>",
                )
            case _:
                identifier = ""
        if not _IDENTIFIER.fullmatch(identifier):
            raise SourceProblem(
                address.text, "names no file on Google Drive", "expected https://drive.google.com/uc?id=<id>"
            )
        return cls(f"https://{HOST}/uc?id={identifier}", HOST, identifier)

    def follow_page(self, text: str) -> str | None:
        """Return the address behind Drive's "cannot scan for viruses" page.

        Raises `SourceRefused` for the pages that say a file's quota is used up or that it is not shared.
        """
        if reason := _refusal(text):
            raise SourceRefused(reason)
        from importlib import import_module

        # The package hides this module behind a function of the same name.
        gdown = import_module("gdown.download")
        try:
            found = gdown.get_url_from_gdrive_confirmation(text)
        except Exception as error:
            # gdown asserts on pages it does not know: whatever it raises, there is no file behind this one.
            raise SourceRefused(
                "Google Drive answered a page that leads to no file "
                "(not shared with anyone who has the link, or its pages have changed)"
            ) from error
        target = urljoin(self.url, str(found))
        parts = urlsplit(target)
        if parts.scheme != "https" or not ("." + (parts.hostname or "")).endswith(_GOOGLE):
            raise SourceRefused("Google Drive's confirmation page leads away from Google")
        return target


def _refusal(text: str) -> str | None:
    """What Drive says where it says no, in our words."""
    lowered = text.lower()
    if "quota exceeded" in lowered or "too many users have viewed or downloaded" in lowered:
        return "the file's download quota on Google Drive is used up (it is lifted within a day)"
    if "accounts.google.com" in lowered and ("sign in" in lowered or "servicelogin" in lowered):
        return "Google Drive asks for a login: the file is not shared with anyone who has the link"
    if "you need access" in lowered or "request access" in lowered:
        return "Google Drive asks for permission: the file is not shared with anyone who has the link"
    return None
