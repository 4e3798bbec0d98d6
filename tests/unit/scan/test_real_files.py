"""Checkpoints as torch and safetensors write them, damaged or with a payload let into them."""

from __future__ import annotations

import io
import pickle
import pickletools
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.scan import ScanFailed, ScanReport, UnreadableCheckpoint, UnsafeCheckpoint, scan
from support.checkpoints import Container, small
from support.effort import examples
from support.hostile_parts import Entry, archive, glob, text

CANARY = Path("canary")
CONTAINERS: tuple[Container, ...] = ("torch-zip", "torch-legacy", "safetensors")
PAYLOADS = {
    "global": glob("os", "mkdir") + text(str(CANARY)) + b"\x85R0",
    "stack-global": text("os") + text("mkdir") + b"\x93" + text(str(CANARY)) + b"\x85R0",
    "inst": b"(" + text(str(CANARY)) + b"ios\nmkdir\n0",
    "obj": b"(" + glob("os", "mkdir") + text(str(CANARY)) + b"o0",
    "newobj": glob("builtins", "eval") + text(f"__import__('os').mkdir('{CANARY}')") + b"\x85R0",
    "memo": text("os")
    + b"r\xf0\xf0\x00\x000"
    + text("mkdir")
    + b"r\xf1\xf0\x00\x000"
    + b"j\xf0\xf0\x00\x00j\xf1\xf0\x00\x00\x93"
    + text(str(CANARY))
    + b"\x85R0",
}
"""Each leaves the stack as it was: the checkpoint around it stays what it is."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@cache
def real(container: Container) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return small("nafnet", Path(folder) / "checkpoint", container=container).read_bytes()


def verdict(data: bytes) -> ScanReport | None:
    """The report, or None for a refusal in a printable line; anything else fails the test."""
    try:
        return scan(io.BytesIO(data))
    except ScanFailed as error:
        raise AssertionError("the scan met what it was not written for") from error
    except (UnsafeCheckpoint, UnreadableCheckpoint) as refusal:
        assert str(refusal).isprintable()
        assert len(str(refusal)) < 600
        return None


def loads(data: bytes, container: Container) -> bool:
    """Whether the file's own reader takes it, restricted; it must not run anything either way."""
    import safetensors.torch
    import torch

    if container == "safetensors":
        return bool(safetensors.torch.load(data))
    return bool(torch.load(io.BytesIO(data), weights_only=True, map_location="cpu"))


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_sound_ones_pass(container: Container) -> None:
    report = verdict(real(container))
    assert report is not None
    assert report.container == container
    assert loads(real(container), container)


@examples(60)
@given(
    st.sampled_from(CONTAINERS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1, max_size=6),
)
def test_flipped_bits(container: Container, flips: list[tuple[float, int]]) -> None:
    """What still passes still loads: a flip in a tensor is a matter of digests, not of the scan."""
    data = bytearray(real(container))
    for place, bit in flips:
        data[min(int(place * len(data)), len(data) - 1)] ^= 1 << bit
    report = verdict(bytes(data))
    if report is not None:
        assert report.container == container
        assert loads(bytes(data), container)
    assert not CANARY.exists()


@examples(40)
@given(st.sampled_from(CONTAINERS), st.floats(0, 1, exclude_max=True))
def test_truncated(container: Container, share: float) -> None:
    assert verdict(real(container)[: int(share * len(real(container)))]) is None


@examples(40)
@given(st.sampled_from(CONTAINERS), st.sampled_from(CONTAINERS), st.floats(0, 1), st.floats(0, 1))
def test_the_head_of_one_and_the_tail_of_another(
    first: Container, second: Container, cut: float, on: float
) -> None:
    one, other = real(first), real(second)
    data = one[: int(cut * len(one))] + other[int(on * len(other)) :]
    report = verdict(data)
    if report is not None:
        assert loads(data, report.container)


@examples(50)
@given(st.sampled_from(sorted(PAYLOADS)), st.floats(0, 1, exclude_max=True))
def test_a_payload_between_any_two_opcodes(name: str, place: float) -> None:
    """In the pickle of a real zip checkpoint, with every size and CRC made right again."""
    found = zipfile.ZipFile(io.BytesIO(real("torch-zip")))
    members = {info.filename: found.read(info) for info in found.infolist()}
    (pickled,) = (member for member in members if member.endswith("/data.pkl"))
    opcodes = list(pickletools.genops(members[pickled]))
    at = opcodes[1 + int(place * (len(opcodes) - 1))][2]
    assert at is not None
    members[pickled] = members[pickled][:at] + PAYLOADS[name] + members[pickled][at:]
    data = archive(*(Entry(member, content) for member, content in members.items()))
    with pytest.raises((UnsafeCheckpoint, UnreadableCheckpoint)) as caught:
        scan(io.BytesIO(data))
    assert type(caught.value) is not ScanFailed
    assert not CANARY.exists()


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_payloads_run_elsewhere(name: str) -> None:
    """Else a canary that never appears would prove nothing."""
    pickle.loads(b"\x80\x04]" + PAYLOADS[name] + b".")  # noqa: S301
    assert CANARY.is_dir()
