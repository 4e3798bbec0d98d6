"""Whatever the bytes: a report or one of two refusals, and nothing passes that torch does not load."""

from __future__ import annotations

import io
import pickletools
import tarfile
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from restoration_models.scan import (
    ALLOWED,
    ScanFailed,
    ScanReport,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    scan,
)
from restoration_models.scan.signatures import is_tar
from support.effort import examples
from support.hostile_containers import CHECKSUMS, tar_and_legacy
from support.hostile_parts import (
    BENIGN,
    MAGIC,
    WEIGHTS,
    Entry,
    archive,
    described,
    device,
    flags,
    glob,
    legacy,
    legacy_pickle,
    members,
    number,
    parameter,
    proto,
    safetensors,
    storage,
    tensor,
    text,
    torch_zip,
)

MANY = examples(250)
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
NAMES = sorted(ALLOWED)


def verdict(data: bytes) -> ScanReport | None:
    """Return the report, or None for a refusal; any other exception fails the test."""
    try:
        report = scan(io.BytesIO(data))
    except ScanFailed as error:
        raise AssertionError("the scan met what it was not written for") from error
    except (UnsafeCheckpoint, UnreadableCheckpoint) as refusal:
        assert str(refusal).isprintable()
        return None
    assert set(report.globals) <= set(ALLOWED)
    return report


@cache
def goods() -> tuple[bytes, ...]:
    real = []
    torch = pytest.importorskip("torch")
    for new in (True, False):
        file = io.BytesIO()
        content = {
            "params": torch.nn.Conv2d(1, 2, 1).state_dict(),
            "n": [1, (2.5, None)],
            "e": torch.empty(0),
        }
        torch.save(content, file, _use_new_zipfile_serialization=new)
        real.append(file.getvalue())
    plain = (torch_zip(), torch_zip(zip64="true"), legacy(), safetensors({"weight": described()}))
    return (*plain, *real)


@example(b"\x08", b"")
@MANY
@given(
    st.binary(max_size=2000),
    st.sampled_from([b"", b"PK\x03\x04", MAGIC, b"\x80\x02", b"\x10\0\0\0\0\0\0\0{", b"("]),
)
def test_random_bytes(data: bytes, prefix: bytes) -> None:
    assert verdict(prefix + data) is None


@MANY
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    """Bytes changed, removed, doubled or moved anywhere in a sound file."""
    content = bytearray(data.draw(st.sampled_from(goods())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        what = data.draw(st.sampled_from(["set", "cut", "insert", "double", "end"]))
        if what == "set" and at < len(content):
            content[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del content[at : at + data.draw(st.integers(1, 40))]
        elif what == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif what == "double":
            content[at:at] = content[at : at + data.draw(st.integers(1, 60))]
        else:
            del content[at:]
    verdict(bytes(content))


@MANY
@given(st.data())
def test_every_changed_byte_of_an_archive_is_refused_or_harmless(data: st.DataObject) -> None:
    """A zip checkpoint whose bytes are all accounted for has hardly a byte that may differ."""
    good = torch_zip()
    at = data.draw(st.integers(0, len(good) - 1))
    content = bytearray(good)
    content[at] ^= data.draw(st.integers(1, 255))
    report = verdict(bytes(content))
    if report is not None:
        # Dates, versions, file attributes: nothing that any reader takes for content.
        assert report == scan(io.BytesIO(good))
        assert load(bytes(content))["weight"].tolist() == [1, 2, 3, 4]


def load(data: bytes) -> Any:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")


def argument(draw: Callable[..., Any]) -> bytes:
    kind = draw(st.sampled_from(["none", "bytes", "line", "name", "index", "text"]))
    if kind == "bytes":
        return bytes(draw(st.binary(max_size=9)))
    if kind == "line":
        return bytes(draw(st.binary(max_size=6))).replace(b"\n", b"") + b"\n"
    if kind == "name":
        module, _, name = draw(st.sampled_from(NAMES)).rpartition(".")
        return f"{module}\n{name}\n".encode()
    if kind == "index":
        return bytes([draw(st.integers(0, 3))])
    return (
        text(draw(st.sampled_from(["storage", "0", "cpu", "weight", "_metadata"])))[1:]
        if kind == "text"
        else b""
    )


@MANY
@given(st.data())
def test_random_opcodes(data: st.DataObject) -> None:
    """Streams of real opcodes with likely arguments, alone and in both containers."""
    body = b"".join(
        data.draw(st.sampled_from(OPCODES)) + argument(data.draw)
        for _ in range(data.draw(st.integers(0, 40)))
    )
    for pickle in (proto(body), proto(body, 4), body):
        assert verdict(pickle) is None
        verdict(torch_zip(pickle))
        verdict(legacy(pickle))


# fmt: off
PIECES = [
    b"}", b"]", b")", b"(", b"t", b"u", b"s", b"a", b"e", b"\x85", b"\x86", b"N", b"\x88", b"K\x01",
    b"G" + bytes(8),
    text("a"), text("b"), number(7), number(1 << 62),
    text("_metadata"), b"q\x00", b"h\x00", b"q\x01", b"h\x01", tensor(), b"b", b"R",
    b"ccollections\nOrderedDict\n)R", b"ccollections\nOrderedDict\n", b"ctorch\nfloat32\n", b"ctorch\nSize\n",
    *(device(text(name)) for name in ("cpu", "cuda:1", "cuda:01", "cpu:128", "mtia", "meta", "zzz")),
    device(text("cuda"), number(1)), device(text("cuda:1"), number(1)),
    parameter(tensor()), parameter(tensor(storage(kind="IntStorage"))),
    b"U\x01x", b"J\xff\xff\xff\xff", b"\x8a\x02\x00\x01", b"M\x01\x01", b"\x81", b"Q",
]
# fmt: on


@examples(700)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
@example([])
def test_whatever_passes_loads_in_torch(pieces: list[bytes]) -> None:
    """Pickles of torch's own opcodes: what the scan passes, the restricted loader loads without complaint."""
    body = b"}" + text("weight") + tensor() + b"s" + b"".join(pieces)
    for closing in (b"", b"\x86", b"s"):
        data = torch_zip(proto(body + closing))
        if verdict(data) is not None:
            load(data)


KINDS = [("FloatStorage", 4), ("IntStorage", 4), ("ComplexFloatStorage", 2), ("HalfStorage", 8)]
TAILS = [
    b"", b"N", flags(), flags("conj"), flags("neg"), flags("conj", "neg"), flags("neg", value=b"\x89"),
    flags("x"),
]  # fmt: skip
DTYPES_BESIDE = [
    b"",
    *(glob("torch", name) for name in ("float16", "int16", "complex32", "float8_e5m2", "bool")),
]


@examples(300)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(DTYPES_BESIDE),
    st.sampled_from(TAILS),
    st.lists(st.sampled_from([0, 1, 2, 1 << 31, 1 << 62]), max_size=4),
    st.booleans(),
    st.sampled_from([(), (True,), (False,), (False, True)]),
)
def test_whatever_tensor_passes_loads_in_torch(
    kind: tuple[str, int],
    dtype: bytes,
    tail: bytes,
    size: list[int],
    gradient: bool,
    wrapped: tuple[bool, ...],
) -> None:
    """Gradients, flags, dtypes, shapes and parameters, each with each."""
    made = tensor(
        storage(kind=kind[0], count=kind[1]), size=tuple(size), stride=(1,) * len(size),
        gradient=gradient, tail=dtype + tail,
    )  # fmt: skip
    for again in wrapped:
        made = parameter(made, again)
    data = torch_zip(proto(b"}" + text("w") + made + b"s"))
    if verdict(data) is not None:
        assert list(load(data)["w"].shape) == size


@st.composite
def headers(draw: Callable[..., Any]) -> bytes:
    """A block that may well be a tar header, its checksum spelled in one way or another."""
    block = bytearray(draw(st.binary(min_size=512, max_size=512)) if draw(st.booleans()) else bytes(512))
    for begin, end in ((100, 148), (156, 157), (329, 345)):
        block[begin:end] = bytes(end - begin)
    block[0] = 120
    block[148:156] = b" " * 8
    total = sum(block) if draw(st.booleans()) else sum(byte - (byte & 128) * 2 for byte in block)
    spelled = draw(st.sampled_from(list(CHECKSUMS.values())))(abs(total))
    field = b"\xff" + (256**7 + total).to_bytes(7, "big") if total < 0 else spelled
    block[148:156] = (b"-%o" % -total if total < 0 and draw(st.booleans()) else field).ljust(8, b"\0")
    return bytes(block)


@MANY
@given(headers())
def test_whatever_tarfile_opens_is_a_tar(block: bytes) -> None:
    """torch asks tarfile; a file that it opens must not pass for a legacy checkpoint."""
    try:
        tarfile.open(fileobj=io.BytesIO(block + bytes(1024)), mode="r:").close()
    except (tarfile.TarError, ValueError):
        return
    assert is_tar(block)


@pytest.mark.parametrize("spelled", CHECKSUMS)
def test_every_spelling_of_a_checksum_is_one_to_tarfile(spelled: str) -> None:
    """Without this, the refusals of these files would prove nothing."""
    tarfile.open(fileobj=io.BytesIO(tar_and_legacy(CHECKSUMS[spelled])), mode="r:").close()


@examples(300)
@given(st.data())
def test_changed_pickles_that_pass_load_in_torch(data: st.DataObject) -> None:
    """A byte of the pickle changed, with every size and CRC made right again."""
    legacy_too = data.draw(st.booleans())
    pickle = bytearray(legacy_pickle() if legacy_too else BENIGN)
    for _ in range(data.draw(st.integers(1, 2))):
        pickle[data.draw(st.integers(2, len(pickle) - 1))] = data.draw(st.integers(0, 255))
    content = legacy(bytes(pickle)) if legacy_too else torch_zip(bytes(pickle))
    if verdict(content) is not None:
        load(content)


@examples(300)
@given(st.integers(0, 6), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3))
def test_tensor_bounds_are_torchs(offset: int, dimensions: list[tuple[int, int]]) -> None:
    """A tensor that passes lies inside its storage: torch neither grows the storage nor fails."""
    size, stride = tuple(d[0] for d in dimensions), tuple(d[1] for d in dimensions)
    data = torch_zip(proto(b"}" + text("w") + tensor(offset=offset, size=size, stride=stride) + b"s"))
    if verdict(data) is not None:
        loaded = load(data)["w"]
        assert loaded.untyped_storage().nbytes() == len(WEIGHTS)
        assert loaded.shape == size


@MANY
@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from(["a/x", "a/data/1", "a/version", "a/byteorder", "b/version"]),
)
def test_no_member_slips_in(content: bytes, name: str) -> None:
    entries = [entry for entry in members() if entry.name != name]
    assume(content.removesuffix(b"\n") not in [b"%d" % number for number in range(1, 11)])
    assert verdict(archive(*entries, Entry(name, content))) is None
