"""The scan's verdict on safetensors against the library's own."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_models.errors import ModelProblem
from restoration_models.scan import Container, scan
from support.hostile import cases
from support.hostile_parts import WEIGHTS, described, safetensors

library = pytest.importorskip("safetensors")


def library_accepts(data: bytes) -> bool:
    try:
        library.deserialize(data)
    except library.SafetensorError:
        return False
    return True


def scan_accepts(data: bytes) -> bool:
    try:
        return scan(io.BytesIO(data)).container is Container.SAFETENSORS
    except ModelProblem:
        return False


def test_what_the_library_writes_passes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64"
    names += " float8_e4m3fn float8_e5m2"
    tensors = {name: torch.ones(3, 2).to(getattr(torch, name)) for name in names.split()}
    tensors |= {"empty": torch.empty(0, 4), "scalar": torch.tensor(1.5)}
    path = tmp_path / "model.bin"
    save_file(tensors, path, metadata={"format": "pt", "ñ": "é"})
    report = scan(path)
    assert (report.container, report.members, report.globals) == (Container.SAFETENSORS, len(tensors), ())
    assert report.to_dict() == {"container": "safetensors", "globals": [], "members": len(tensors)}


@pytest.mark.parametrize(
    "case",
    [case for case in cases(Path("canary")) if case.name.startswith("safetensors-")],
    ids=lambda case: case.name,
)
def test_stricter_than_the_library(case: object) -> None:
    """Everything that the library refuses is refused here; these are refused in any case."""
    assert not scan_accepts(case.data)  # type: ignore[attr-defined]


HEADERS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "__metadata__"]),
    st.one_of(
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "F16", "I64", "U8", "BOOL", "F4", "X"]),
                "shape": st.lists(st.integers(-1, 4), max_size=3),
                "data_offsets": st.lists(st.sampled_from([0, 4, 8, 16, 32]), min_size=1, max_size=3),
            },
            optional={"more": st.none()},
        ),
        st.dictionaries(st.text(max_size=2), st.one_of(st.text(max_size=2), st.integers())),
        st.none(),
    ),
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(HEADERS, st.sampled_from([0, 4, 8, 16, 32]), st.sampled_from([None, 0, 3]))
def test_never_laxer_than_the_library(header: dict[str, object], size: int, padding: int | None) -> None:
    raw = json.dumps(header).encode() + b" " * (padding or 0)
    data = struct.pack("<Q", len(raw)) + raw + bytes(size)
    if scan_accepts(data):
        assert library_accepts(data)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_never_laxer_than_the_library_on_damaged_files(data: st.DataObject) -> None:
    good = bytearray(safetensors({"a": described(), "b": described(offsets=(16, 32))}, WEIGHTS * 2))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, 130))] = data.draw(st.integers(32, 126))
    if scan_accepts(bytes(good)):
        assert library_accepts(bytes(good))
