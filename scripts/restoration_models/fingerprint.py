"""A digest of the weights themselves, whatever file they lie in.

Two checkpoints have one fingerprint exactly when they hold the same names, element types,
shapes and values after unwrapping: the container (torch zip, legacy pickle, safetensors),
the wrapper key, the order of the tensors, shared storage and strides make no difference.

The bytes hashed with SHA-256 are, in this order:

1. the line ``restoration-models tensors 1``;
2. for each tensor, sorted by name (by code point): one line, the JSON array
   ``["<name>","<type>",[<shape>]]`` without spaces and with non-ASCII characters escaped,
   `<type>` being torch's name such as ``float32``; then the elements in row-major order,
   little-endian.

Every line ends in one line feed. The type and shape fix how many bytes follow a line, so no
two sets of tensors are read alike.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

PREAMBLE = b"restoration-models tensors 1\n"
CHUNK = 1 << 24
"""Bytes copied at a time of a tensor that does not lie in order."""


def fingerprint(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the fingerprint in hex. Reads the tensors in place; takes dense CPU tensors."""
    digest = hashlib.sha256(PREAMBLE)
    for name in sorted(tensors):
        tensor = tensors[name]
        line = json.dumps([name, type_name(tensor.dtype), list(tensor.shape)], separators=(",", ":"))
        digest.update(line.encode("ascii") + b"\n")
        for part in _parts(tensor.detach()):
            digest.update(part)
    return digest.hexdigest()


def type_name(dtype: torch.dtype) -> str:
    """Return torch's name of an element type, such as ``float32``."""
    return str(dtype).removeprefix("torch.")


def _parts(tensor: torch.Tensor) -> Iterator[memoryview]:
    """Yield a tensor's elements as bytes, in order, without copying a tensor that is in order."""
    if tensor.numel() == 0:
        return
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.is_contiguous():
        yield _bytes(tensor)
        return
    # A transposed or expanded view: copy a few rows at a time.
    row = tensor.element_size() * (tensor.numel() // tensor.shape[0])
    if row > CHUNK:
        for inner in tensor:
            yield from _parts(inner)
        return
    step = max(1, CHUNK // row)
    for start in range(0, tensor.shape[0], step):
        yield _bytes(tensor[start : start + step].contiguous())


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    flat = tensor.reshape(-1)
    if flat.stride(0) != 1:
        # One element alone counts as in order whatever its stride.
        flat = flat.clone(memory_format=torch.contiguous_format)
    if sys.byteorder == "big":
        width = flat.element_size()
        flat = flat.view(torch.uint8).reshape(-1, width).flip(1).reshape(-1)
    raw: Any = flat.view(torch.uint8).numpy()
    return memoryview(raw)
