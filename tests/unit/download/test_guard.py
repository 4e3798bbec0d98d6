"""Where a redirect may lead, judged by what a name resolves to and by what was connected to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from restoration_models.download.guard import Guard
from restoration_models.download.trouble import Disqualified, Transient
from restoration_models.download.web import Web
from restoration_models.sources import HttpsSource
from restoration_models.sources.address import Reach
from support.answers import Raw
from support.downloads import QUICK
from support.origin import Faults, Origin

Resolve = Callable[..., Any]
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: https://%s/x\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """What names resolve to, one answer after the other; the last one stays."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        answers = known.get(host.decode() if isinstance(host, bytes) else host)
        if not answers:
            return real(host, port, *rest, **more)
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(address, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for variable in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    yield known


def follow(host: str, location: str) -> str:
    """What a source at `host` is redirected to by `location`, past the rules."""
    web = Web(HttpsSource(f"https://{host}/x", host), QUICK, {})
    try:
        return web._redirected(f"https://{host}/x", location)
    finally:
        web.close()


@pytest.mark.parametrize(
    "target",
    [
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "localhost.",
        "169.254.169.254",
        "2852039166",
        "[fe80::1]",
        "0.0.0.0",  # noqa: S104
        "\uff11\uff12\uff17.0.0.1",
    ],
)
def test_no_spelling_of_this_machine_is_followed(names: dict[str, list[str]], target: str) -> None:
    with pytest.raises(Disqualified, match=r"this machine's own network|no web address"):
        follow("mirror.example", f"https://{target}/x".encode().decode("latin-1"))


@pytest.mark.parametrize(
    "target", ["10.1.2.3", "192.168.0.1", "100.100.100.200", "[fd00:ec2::254]", "3232235521"]
)
def test_a_public_source_does_not_lead_into_private_networks(
    names: dict[str, list[str]], target: str
) -> None:
    names["mirror.example"] = ["93.184.216.34"]
    with pytest.raises(Disqualified, match="redirects into a private network"):
        follow("mirror.example", f"https://{target}/x")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("127.0.0.1", "own network"), ("169.254.169.254", "own network"), ("10.0.0.7", "private network")],
)
def test_a_name_is_judged_by_what_it_resolves_to(
    names: dict[str, list[str]], address: str, sentence: str
) -> None:
    names |= {"mirror.example": ["93.184.216.34"], "inward.example": [address]}
    with pytest.raises(Disqualified, match=rf"{sentence} \(inward\.example\)"):
        follow("mirror.example", "https://inward.example/x")
    names["outward.example"] = ["93.184.216.35"]
    assert follow("mirror.example", "https://outward.example/x") == "https://outward.example/x"


def test_an_intranet_leads_on_inside_and_no_further(names: dict[str, list[str]]) -> None:
    names |= {"models.intra": ["10.0.0.7"], "files.intra": ["10.0.0.8"], "evil.intra": ["127.0.0.1"]}
    assert follow("models.intra", "https://files.intra/x") == "https://files.intra/x"
    assert follow("models.intra", "https://10.0.0.9/x") == "https://10.0.0.9/x"
    assert follow("models.intra", "https://models.intra/y") == "https://models.intra/y"
    with pytest.raises(Disqualified, match="own network"):
        follow("models.intra", "https://evil.intra/x")


def test_loopback_leads_anywhere_encrypted() -> None:
    assert follow("127.0.0.1", "https://localhost:9/x") == "https://localhost:9/x"
    assert follow("127.0.0.1", "https://10.0.0.1/x") == "https://10.0.0.1/x"
    with pytest.raises(Disqualified, match="unencrypted"):
        follow("127.0.0.1", "http://10.0.0.1/x")


@pytest.mark.parametrize(
    "location", ["http://mirror.example/x", "http://mirror.example:443/x", "//127.0.0.1/x"]
)
def test_https_does_not_become_http(names: dict[str, list[str]], location: str) -> None:
    with pytest.raises(Disqualified, match=r"unencrypted|own network"):
        follow("mirror.example", location)


@pytest.mark.parametrize("host", ["ev\x1b[2Jil.example", "ev\u202eil.example", "a\x07b", "a\x9bb", "a b"])
def test_a_host_with_unseen_characters_is_none(host: str) -> None:
    with pytest.raises(Disqualified) as caught:
        follow("mirror.example", f"https://{host}/".encode().decode("latin-1"))
    assert caught.value.reason.isprintable()


def test_a_name_that_resolves_otherwise_when_it_is_connected_to(names: dict[str, list[str]]) -> None:
    """DNS rebinding: harmless when asked, this machine a moment later; nothing is sent there."""
    with Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as inside, Origin() as origin:
        guard_host = "mirror.example"
        names |= {
            guard_host: ["93.184.216.34"],
            "rebound.example": ["93.184.216.35", "127.0.0.1"],
        }
        assert follow(guard_host, f"https://rebound.example:{inside.port}/x")
        web = Web(HttpsSource(f"https://{guard_host}/x", guard_host), QUICK, {})
        with pytest.raises(Disqualified, match=r"own network \(rebound\.example\)"):
            web.open(f"https://rebound.example:{inside.port}/x")
        web.close()
        assert inside.received == b""
        # The same address as its own source is nobody's redirect.
        url = origin.add("/x", b"data", Faults())
        own = Web(HttpsSource(url, "127.0.0.1"), QUICK, {})
        assert own.open(url).status == 200
        own.close()


def test_an_unresolved_or_public_peer_is_let_through() -> None:
    guard = Guard("mirror.example")
    guard.require(Reach.PUBLIC, "anything")  # without a look-up: there is no network here


def test_a_header_that_never_ends_is_given_up() -> None:
    """Byte by byte, so that no silence is long enough to be one."""
    from dataclasses import replace

    policy = replace(QUICK, answer_seconds=0.3, read_timeout=5.0)
    with Raw(b"HTTP/1.1 200 OK\r\n", drip=b"X", every=0.01) as server:
        web = Web(HttpsSource(server.url, "127.0.0.1"), policy, {})
        with pytest.raises(Transient, match="never answered") as caught:
            web.open(server.url)
        web.close()
        assert caught.value.unreachable
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"
    with Raw(head, drip=b"x", every=0.01) as server:
        web = Web(HttpsSource(server.url, "127.0.0.1"), policy, {})
        answer = web.open(server.url)
        with pytest.raises(Transient, match="only drips a page"):
            answer.page()
        answer.close()
        web.close()
