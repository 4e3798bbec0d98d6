"""Addresses on the web: what may stand in the catalogue and what may not."""

from __future__ import annotations

import enum
import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from restoration_models.credentials import has_user, secret_name
from restoration_models.sources.base import SourceProblem

REMEDY = "give the address that works without it, or keep the file elsewhere"
_SAFE = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The parts of a checked http(s) address."""

    text: str
    scheme: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, without the empty first one."""
        return tuple(self.path.split("/")[1:])

    def query_value(self, key: str) -> str | None:
        """Return the value of `key`, or None where it is missing or stands more than once."""
        values = [value for name, value in self.query if name == key]
        return values[0] if len(values) == 1 else None


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""IPv4 inside IPv6 as nobody writes it any more."""
_PART = r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)"
_NUMBERS = re.compile(rf"{_PART}(?:\.{_PART}){{0,3}}", re.ASCII)
"""An IPv4 address in any form that resolvers take: 2130706433, 0x7f.1, 0177.0.0.1."""


class Reach(enum.IntEnum):
    """How far inside an address lies; what is public must not lead further inwards."""

    PUBLIC = 0
    PRIVATE = 1
    """A network of somebody's own: 10.0.0.0/8 and the like, unique local, shared, reserved, multicast."""
    MACHINE = 2
    """This machine or its link: loopback, link-local (where clouds keep their metadata), unspecified."""


def reach(host: str) -> Reach | None:
    """How far inside `host` lies, in any form of writing; None for a name, which has to be resolved."""
    bare = unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return Reach.MACHINE
    try:
        ip = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        if not _NUMBERS.fullmatch(bare):
            return None
        try:
            ip = ipaddress.IPv4Address(socket.inet_aton(bare))
        except OSError:
            return None
    return _reach_of(ip)


def _reach_of(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Reach:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return _reach_of(ip.ipv4_mapped)
        if ip in _NAT64:
            # How a network without IPv4 writes every IPv4 address, the public ones too.
            return _reach_of(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.sixtofour is not None and (inner := _reach_of(ip.sixtofour)):
            return inner
    if ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip in _COMPATIBLE:
        return Reach.MACHINE
    return Reach.PRIVATE if ip.is_multicast or ip.is_reserved or not ip.is_global else Reach.PUBLIC


def is_local_host(host: str) -> bool:
    """Say whether `host` plainly names this machine's loopback, or a link-local address.

    What is granted to such hosts goes by this; what is refused goes by `reach`.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified


def split(address: str) -> WebAddress:
    """Take an http or https address apart.

    Raises `SourceProblem` where it is malformed or carries a credential.
    """
    if not _SAFE.fullmatch(address):
        raise SourceProblem(
            address, "holds a character that no address has", "write it percent-encoded, without spaces"
        )
    try:
        parts = urlsplit(address)
        if "@" in unquote(parts.netloc):
            raise SourceProblem(
                address, "carries a user name or password", "credentials do not belong in the catalogue"
            )
        host, _port = parts.hostname, parts.port
    except ValueError:  # its text repeats a part of the address
        raise SourceProblem(address, "is no address (a host, with or without a port, comes first)") from None
    if not host:
        raise SourceProblem(address, "names no host")
    if "%" in host:
        raise SourceProblem(address, "is no address (its host is percent-encoded)", "write the host plainly")
    if parts.fragment or address.endswith("#"):
        raise SourceProblem(address, "has a #fragment, which no server sees", "leave it out")
    for place, text in (("query key", parts.query), ("name in its path", parts.path)):
        if name := secret_name(text):
            raise SourceProblem(address, f'carries a credential (the {place} "{name}")', REMEDY)
    if has_user(parts.query) or has_user(parts.path):
        raise SourceProblem(address, "carries a user name or password in an address inside it", REMEDY)
    if parts.scheme == "http" and not is_local_host(host):
        raise SourceProblem(
            address, "is not encrypted", "write https:// (http:// is for loopback hosts only)"
        )
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    if parts.path in ("", "/") and not query:
        raise SourceProblem(address, "names a host but no file")
    return WebAddress(address, parts.scheme, host.lower(), parts.path, query)
