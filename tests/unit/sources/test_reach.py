"""How far inside an address lies, in every form that a resolver takes."""

from __future__ import annotations

import pytest

from restoration_models.sources.address import Reach, is_local_host, reach

WRITTEN = {
    Reach.MACHINE: [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104
        "[::1]",
        "::1",
        "::",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
        "fe80::1%eth0",
        "169.254.169.254",
        "2852039166",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "\uff11\uff12\uff17.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
    ],
    Reach.PRIVATE: [
        "10.0.0.1",
        "167772161",
        "0xa.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "192.0.2.1",
        "2001:db8::1",
    ],
    Reach.PUBLIC: [
        "8.8.8.8",
        "134744072",
        "1.1.1.1",
        "2606:4700::1111",
        "[2606:4700::1111]",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ],
}
NAMES = [
    "github.com",
    "localhost.example",
    "127.0.0.1.example",
    "1e100.net",
    "0x7f.example",
    "a",
    "",
    "1.2.3.4.5",
]


@pytest.mark.parametrize(
    ("host", "expected"), [(host, level) for level, hosts in WRITTEN.items() for host in hosts]
)
def test_addresses(host: str, expected: Reach) -> None:
    assert reach(host) is expected


@pytest.mark.parametrize("host", NAMES)
def test_names_have_to_be_resolved(host: str) -> None:
    assert reach(host) is None


def test_what_is_granted_goes_by_the_plain_form_alone() -> None:
    """A source may be plain http on loopback, and must say so plainly."""
    assert is_local_host("127.0.0.1")
    assert not is_local_host("2130706433")
