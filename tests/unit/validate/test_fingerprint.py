"""The fingerprint sees the weights and nothing of their wrapping."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_models import fingerprint as module
from restoration_models.checkpoint import unwrap
from restoration_models.fingerprint import fingerprint
from support.checkpoints import network, save

if TYPE_CHECKING:
    from pathlib import Path

TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.complex64]


def test_the_bytes_are_those_of_the_documentation() -> None:
    """Another program can compute it from the docstring alone."""
    tensors = {"b": torch.tensor(7), "a.ñ": torch.tensor([[1.0, -2.0], [0.5, 3.0]])}
    wanted = b"restoration-models tensors 1\n"
    wanted += b'["a.\\u00f1","float32",[2,2]]\n' + struct.pack("<4f", 1, -2, 0.5, 3)
    wanted += b'["b","int64",[]]\n' + struct.pack("<q", 7)
    assert fingerprint(tensors) == hashlib.sha256(wanted).hexdigest()


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    dtype=st.sampled_from(TYPES),
    chunk=st.sampled_from([1, 8, 64, 1 << 24]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_strides_and_storage_make_no_difference(
    shape: list[int], dtype: torch.dtype, chunk: int, seed: int
) -> None:
    """A transposed, expanded or sliced view prints as its own copy does."""
    generator = torch.Generator().manual_seed(seed)
    base = (torch.randn(shape, generator=generator) * 9).to(dtype)
    views = [base, base.movedim(0, -1), base[:1].expand(3, *shape[1:])]
    views += [base.flip(0)[..., ::2], base[1:], base.conj()]
    before = module.CHUNK
    module.CHUNK = chunk
    try:
        for view in views:
            copy = view.resolve_conj().clone(memory_format=torch.contiguous_format)
            assert fingerprint({"w": view}) == fingerprint({"w": copy})
    finally:
        module.CHUNK = before


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.zeros(2, 3), "c": torch.ones(6)},
        {"b": torch.zeros(2, 3), "a": torch.ones(6)},
        {"a": torch.zeros(3, 2), "b": torch.ones(6)},
        {"a": torch.zeros(2, 3, dtype=torch.int32), "b": torch.ones(6)},
        {"a": torch.zeros(2, 3), "b": torch.ones(6).double()},
        {"a": -torch.zeros(2, 3), "b": torch.ones(6)},
        {"a": torch.zeros(2, 3), "b": torch.ones(6), "c": torch.zeros(0)},
        {"a": torch.zeros(2, 3)},
    ],
)
def test_every_difference_shows(other: dict[str, torch.Tensor]) -> None:
    """A name, a shape, a type, a value (even the sign of a zero), a tensor more or less."""
    one = {"a": torch.zeros(2, 3), "b": torch.ones(6)}
    assert fingerprint(one) != fingerprint(other)


def test_order_makes_no_difference() -> None:
    one = {"a": torch.zeros(2), "b": torch.ones(1)}
    assert fingerprint(one) == fingerprint(dict(reversed(one.items())))


def test_containers_make_no_difference(tmp_path: Path) -> None:
    """The same weights in torch's zip, in its legacy pickle and in safetensors have one fingerprint."""
    from safetensors.torch import load_file

    state = network("restormer").state_dict()
    zipped = torch.load(save(state, tmp_path / "a.pth", wrapper_key="params"), weights_only=True, mmap=True)
    legacy = torch.load(save(state, tmp_path / "b.pth", container="torch-legacy"), weights_only=True)
    bare = load_file(save(state, tmp_path / "c.safetensors", container="safetensors"))
    every = (state, unwrap(zipped, "params"), unwrap(legacy, None), bare)
    assert len({fingerprint(tensors) for tensors in every}) == 1
