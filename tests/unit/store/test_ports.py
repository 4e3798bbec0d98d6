import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.store.ports import NoFreePort, is_free, plan, wait_until_free

PORTS = st.integers(1, 65535)


def counting(first=20000):
    numbers = iter(range(first, 65536))
    return lambda: next(numbers)


def test_a_free_port_is_kept():
    result = plan(("s3", "filer"), {"s3": 9000, "filer": 9001}, free=lambda _: True)
    assert result.ports == {"s3": 9000, "filer": 9001}
    assert result.moved == {}


def test_a_port_in_use_is_replaced_and_said():
    result = plan(("s3", "filer"), {"s3": 9000}, free=lambda port: port != 9000, draw=counting())
    assert result.ports == {"s3": 20000, "filer": 20001}
    assert result.moved == {"s3": (9000, 20000)}


def test_no_free_port_is_an_error():
    with pytest.raises(NoFreePort, match=r"no free port between 20000 and 32000 on 127\.0\.0\.1"):
        plan(("s3",), {}, free=lambda _: False)


@given(wanted=st.dictionaries(st.sampled_from("abcdef"), PORTS), busy=st.sets(PORTS), avoid=st.sets(PORTS))
def test_ports_are_distinct_free_and_never_avoided_ones(wanted, busy, avoid):
    result = plan(
        tuple("abcdef"), wanted, avoid=avoid, free=lambda port: port not in busy, draw=counting(30000)
    )
    given_out = list(result.ports.values())
    assert len(set(given_out)) == 6
    assert not set(given_out) & (busy | avoid)
    assert all(result.ports[part] == number for part, (_, number) in result.moved.items())
    kept = set(wanted) - set(result.moved)
    assert all(result.ports[part] == wanted[part] for part in kept)


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")],  # noqa: S104
)
def test_a_listener_makes_a_port_busy(family, address):
    try:
        server = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    with server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert not wait_until_free([port], 0.05)
    assert wait_until_free([port], 5)
