"""The calls and persistent ids that a checkpoint may make, with their arguments checked.

torch's restricted loader checks which function is called; this also checks with what, so that
a file cannot make torch allocate memory it does not hold or read outside a storage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from restoration_models.scan.allowlist import Role
from restoration_models.scan.limits import MAX_DIMENSIONS, MAX_OPCODES
from restoration_models.scan.values import Kind, Ledger, Node, Storage, Value, described
from restoration_models.scan.verdicts import SAVE_AGAIN, UnreadableCheckpoint, UnsafeCheckpoint, shown

_KEY: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_LOCATION: Final = re.compile(r"[a-z]{2,16}(:[0-9]{1,3})?", re.ASCII)
_INT64: Final = 1 << 63
_UNTYPED: Final = "torch.storage.UntypedStorage"


def called(name: str, arguments: Node, ledger: Ledger) -> Node:
    """Return what the allow-listed function `name` makes of `arguments`.

    Raises `UnsafeCheckpoint` for arguments that an ordinary checkpoint never passes.
    """
    return _CALLS[name](tuple(arguments.items), ledger)


def persistent(pid: Value, ledger: Ledger, *, legacy: bool) -> Node:
    """Return the storage that a persistent id names.

    Zip: ``('storage', class, key, location, elements)``; legacy: the same and a None, which
    was the view of another storage before torch 0.4.
    """
    fields = tuple(pid.items) if isinstance(pid, Node) and pid.kind is Kind.TUPLE else ()
    if legacy and len(fields) == 6 and fields[5] is not None:
        raise UnsafeCheckpoint("a storage is a view of another one, as no torch since 0.4 writes it")
    if len(fields) != (6 if legacy else 5) or fields[0] != "storage":
        what = "a module's source code" if fields and fields[0] == "module" else described(pid)
        raise UnsafeCheckpoint(f"a persistent id names {what} instead of a storage")
    _, type_node, key, location, count = fields[:5]
    if (
        not isinstance(type_node, Node)
        or type_node.allowed is None
        or type_node.allowed.role is not Role.STORAGE
    ):
        raise UnsafeCheckpoint(f"a persistent id has {described(type_node)} for a storage class")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise UnsafeCheckpoint(f"a storage key is {described(key)}, digits are expected")
    if not isinstance(location, str) or not _LOCATION.fullmatch(location) or location == "meta":
        raise UnsafeCheckpoint(f"storage {key} lies on {described(location)}, which is no device with data")
    if not _is_count(count):
        raise UnsafeCheckpoint(f"storage {key} has no valid number of elements")
    if legacy and type_node.name == _UNTYPED:
        raise UnreadableCheckpoint(
            f"storage {key} has no dtype, which torch.load does not read in a legacy file", remedy=SAVE_AGAIN
        )
    storage = Storage(key, type_node.name, type_node.allowed.item_size, count)
    return Node(Kind.STORAGE, storage=ledger.declare(storage))


def _ordered_dict(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    made = Node(Kind.ORDERED)
    if not arguments:
        return made
    # Python 2 wrote OrderedDict([[key, value], …]).
    pairs = arguments[0]
    if len(arguments) != 1 or not isinstance(pairs, Node) or pairs.kind is not Kind.LIST:
        raise _unusual("collections.OrderedDict", arguments)
    ledger.copied += len(pairs.items)
    if ledger.copied > MAX_OPCODES:
        raise UnsafeCheckpoint(f"copies more than {MAX_OPCODES} entries from lists into dicts")
    for pair in pairs.items:
        if not isinstance(pair, Node) or pair.kind not in (Kind.LIST, Kind.TUPLE) or len(pair.items) != 2:
            raise _unusual("collections.OrderedDict", arguments)
        put(made, pair.items[0], pair.items[1])
    return made


def put(target: Node, key: Value, value: Value) -> None:
    """Set an entry of a dict node."""
    if not isinstance(key, str | int):
        raise UnsafeCheckpoint(f"a dict key is {described(key)}; text or a whole number is expected")
    if key in target.keyed:
        raise UnsafeCheckpoint(f"a dict has the key {shown(str(key))} twice")
    target.keep(value)
    target.keyed[key] = value


def _tensor_v2(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Storage, offset, size, stride, requires_grad, hooks[, metadata]."""
    name = "torch._utils._rebuild_tensor_v2"
    if len(arguments) not in (6, 7) or not _plain_tail(arguments[4], arguments[5], arguments[6:]):
        raise _unusual(name, arguments)
    storage = _storage(name, arguments)
    return _tensor(name, arguments, ledger, storage, storage.item_size)


def _tensor_v3(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Storage, offset, size, stride, requires_grad, hooks, dtype[, metadata]."""
    name = "torch._utils._rebuild_tensor_v3"
    if len(arguments) not in (7, 8) or not _plain_tail(arguments[4], arguments[5], arguments[7:]):
        raise _unusual(name, arguments)
    dtype = arguments[6]
    if not isinstance(dtype, Node) or dtype.allowed is None or dtype.allowed.role is not Role.DTYPE:
        raise _unusual(name, arguments)
    return _tensor(name, arguments, ledger, _storage(name, arguments), dtype.allowed.item_size)


def _tensor(
    name: str, arguments: tuple[Value, ...], ledger: Ledger, storage: Storage, item_size: int
) -> Node:
    """Check that the tensor lies inside its storage; torch would allocate what is missing."""
    offset, size, stride = arguments[1], _whole_numbers(arguments[2]), _whole_numbers(arguments[3])
    if not _is_count(offset) or size is None or stride is None or len(size) != len(stride):
        raise _unusual(name, arguments)
    elements, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        elements *= length
        last += (length - 1) * step
    end = last + 1 if elements else offset
    if end * item_size > storage.size:
        raise UnsafeCheckpoint(
            f"a tensor ends at byte {end * item_size} of storage {storage.key}, which has {storage.size}"
        )
    if elements * item_size > storage.size:
        raise UnsafeCheckpoint(
            f"a tensor of {elements} elements repeats the {storage.size} bytes of storage {storage.key}"
        )
    ledger.tensors += 1
    ledger.tensor_bytes += elements * item_size
    return Node(Kind.TENSOR)


def _parameter(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Tensor, requires_grad, hooks."""
    del ledger
    if (
        len(arguments) != 3
        or not _is(arguments[0], Kind.TENSOR)
        or not _plain_tail(arguments[1], arguments[2], ())
    ):
        raise _unusual("torch._utils._rebuild_parameter", arguments)
    return Node(Kind.TENSOR)


def _size(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    del ledger
    numbers = _whole_numbers(arguments[0]) if len(arguments) == 1 else None
    if numbers is None:
        raise _unusual("torch.Size", arguments)
    return Node(Kind.SIZE, numbers)


def _device(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    del ledger
    kind = arguments[0] if arguments else None
    index = arguments[1] if len(arguments) == 2 else 0
    named = isinstance(kind, str) and _LOCATION.fullmatch(kind) is not None
    if not named or len(arguments) > 2 or not _is_count(index) or index > 127:
        raise _unusual("torch.device", arguments)
    return Node(Kind.DEVICE)


_CALLS: Final[Mapping[str, Callable[[tuple[Value, ...], Ledger], Node]]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": _device,
}


def _unusual(name: str, arguments: tuple[Value, ...]) -> UnsafeCheckpoint:
    listed = ", ".join(described(argument) for argument in arguments[:8])
    return UnsafeCheckpoint(f"calls {name} with unusual arguments ({listed})", global_name=name)


def _storage(name: str, arguments: tuple[Value, ...]) -> Storage:
    node = arguments[0]
    if not isinstance(node, Node) or node.storage is None:
        raise _unusual(name, arguments)
    return node.storage


def _plain_tail(requires_grad: Value, hooks: Value, metadata: tuple[Value, ...]) -> bool:
    """Whether a tensor has a plain requires_grad flag, no hooks and no metadata but conj and neg."""
    if not isinstance(requires_grad, bool) or not isinstance(hooks, Node):
        return False
    if hooks.kind is not Kind.ORDERED or hooks.keyed:
        return False
    if not metadata or metadata[0] is None:
        return True
    flags = metadata[0]
    return (
        isinstance(flags, Node)
        and flags.kind is Kind.DICT
        and len(flags.keyed) <= 2
        and set(flags.keyed) <= {"conj", "neg"}
        and all(isinstance(value, bool) for value in flags.keyed.values())
    )


def _whole_numbers(value: Value) -> tuple[int, ...] | None:
    """Return the numbers of a shape or stride, or None where it is none."""
    if not isinstance(value, Node) or value.kind not in (Kind.TUPLE, Kind.SIZE):
        return None
    if len(value.items) > MAX_DIMENSIONS:
        return None
    numbers = tuple(item for item in value.items if _is_count(item))
    return numbers if len(numbers) == len(value.items) else None


def _is(value: Value, kind: Kind) -> bool:
    return isinstance(value, Node) and value.kind is kind


def _is_count(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT64
