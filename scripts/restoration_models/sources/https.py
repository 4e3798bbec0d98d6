"""Any web server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from restoration_models.sources.address import WebAddress
from restoration_models.sources.base import WebSource


@dataclass(frozen=True, slots=True)
class HttpsSource(WebSource):
    """A file on a web server (plain http on loopback only)."""

    kind: ClassVar[str] = "https"

    @property
    def label(self) -> str:
        """The host, with its port where the address gives one."""
        return urlsplit(self.address).netloc.lower()

    @classmethod
    def claims(cls, address: WebAddress) -> bool:
        """Every web address that no other kind claims."""
        return bool(address.host)

    @classmethod
    def read(cls, address: WebAddress) -> HttpsSource:
        """Make the source of `address`."""
        return cls(address.text, address.host)
