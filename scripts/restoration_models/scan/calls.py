"""The calls and persistent ids that a checkpoint may make, with their arguments checked.

torch's restricted loader checks which function is called; this also checks with what, so that
a file cannot make torch allocate memory it does not hold or read outside a storage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeGuard

from restoration_models.scan.allowlist import Numbers, Role
from restoration_models.scan.limits import MAX_DIMENSIONS, MAX_NUMBER_KEY, MAX_OPCODES
from restoration_models.scan.values import Kind, Ledger, Node, Storage, Value, described
from restoration_models.scan.verdicts import SAVE_AGAIN, UnreadableCheckpoint, UnsafeCheckpoint, shown

_KEY: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_LOCATION: Final = re.compile(r"[a-z]{2,16}(:[0-9]{1,3})?", re.ASCII)
# What torch.device takes: its types, and an index in torch's own spelling that fits eight bits.
_DEVICE: Final = re.compile(
    "(?:cpu|cuda|ipu|xpu|mkldnn|opengl|opencl|ideep|hip|ve|fpga|maia|xla|lazy|vulkan|mps|meta|hpu|mtia"
    "|privateuseone)(?P<index>:(?:0|[1-9][0-9]{0,2}))?",
    re.ASCII,
)
_MAX_INDEX: Final = 127
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
    storage = Storage(key, type_node.name, type_node.allowed.item_size, count, type_node.allowed.numbers)
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
        put(made, pair.items[0], pair.items[1], ledger)
    return made


def put(target: Node, key: Value, value: Value, ledger: Ledger) -> None:
    """Set an entry of a dict node.

    Here and in torch's loader the file chooses what is hashed. Texts are hashed with a secret of
    the process; numbers are not, so they are bounded. Nothing else is hashed at all.
    """
    if not isinstance(key, str | int):
        raise UnsafeCheckpoint(f"a dict key is {described(key)}; text or a whole number is expected")
    if isinstance(key, int):
        if abs(key) > MAX_NUMBER_KEY:
            raise UnsafeCheckpoint(f"a dict key is a number further from 0 than {MAX_NUMBER_KEY}")
        ledger.number()
    if key in target.keyed:
        raise UnsafeCheckpoint(f"a dict has the key {shown(str(key))} twice")
    target.keep(value)
    target.keyed[key] = value


def _tensor_v2(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Storage, offset, size, stride, requires_grad, hooks[, metadata]."""
    name = "torch._utils._rebuild_tensor_v2"
    if len(arguments) not in (6, 7) or not _plain_tail(arguments[4], arguments[5]):
        raise _unusual(name, arguments)
    storage = _storage(name, arguments)
    _check_gradient(arguments[4], storage.numbers)
    _check_flags(name, arguments, arguments[6:], storage.numbers)
    return _tensor(name, arguments, ledger, storage.item_size, storage.numbers)


def _tensor_v3(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Storage, offset, size, stride, requires_grad, hooks, dtype[, metadata]."""
    name = "torch._utils._rebuild_tensor_v3"
    if len(arguments) not in (7, 8) or not _plain_tail(arguments[4], arguments[5]):
        raise _unusual(name, arguments)
    dtype = arguments[6]
    if not isinstance(dtype, Node) or dtype.allowed is None or dtype.allowed.role is not Role.DTYPE:
        raise _unusual(name, arguments)
    if arguments[4]:
        raise UnreadableCheckpoint("a tensor with its own dtype has a gradient, which torch does not load")
    _check_flags(name, arguments, arguments[7:], dtype.allowed.numbers)
    return _tensor(name, arguments, ledger, dtype.allowed.item_size, dtype.allowed.numbers)


def _tensor(
    name: str, arguments: tuple[Value, ...], ledger: Ledger, item_size: int, numbers: Numbers
) -> Node:
    """Check that the tensor lies inside its storage; torch would allocate what is missing."""
    storage = _storage(name, arguments)
    offset, size, stride = arguments[1], _whole_numbers(arguments[2]), _whole_numbers(arguments[3])
    if not _is_count(offset) or size is None or stride is None or len(size) != len(stride):
        raise _unusual(name, arguments)
    if not countable(size, item_size):
        raise UnsafeCheckpoint("a tensor's dimensions multiply to more bytes than can be counted")
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
    return Node(Kind.TENSOR, numbers=numbers)


def countable(size: Sequence[int], item_size: int) -> bool:
    """Whether the bytes of a tensor of this shape can be counted in 64 bits, in any order of its dimensions.

    A dimension of 0 does not make up for others that overflow: torch and safetensors multiply
    one after the other, and refuse the shape where the 0 comes late.
    """
    return math.prod(length for length in size if length) * item_size < _INT64


def _parameter(arguments: tuple[Value, ...], ledger: Ledger) -> Node:
    """Tensor, requires_grad, hooks."""
    del ledger
    numbers = arguments[0].numbers if len(arguments) == 3 and isinstance(arguments[0], Node) else None
    if numbers is None or not _plain_tail(arguments[1], arguments[2]):
        raise _unusual("torch._utils._rebuild_parameter", arguments)
    _check_gradient(arguments[1], numbers)
    return Node(Kind.TENSOR, numbers=numbers)


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
    named = _DEVICE.fullmatch(kind) if isinstance(kind, str) else None
    # One index, in the name or beside it.
    twice = named is not None and named["index"] is not None and len(arguments) == 2
    if named is None or twice or len(arguments) > 2 or not _is_count(index):
        raise _unusual("torch.device", arguments)
    if max(index, int((named["index"] or ":0")[1:])) > _MAX_INDEX:
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


def _plain_tail(requires_grad: Value, hooks: Value) -> bool:
    """Whether a tensor has a plain requires_grad flag and no hooks."""
    plain = isinstance(hooks, Node) and hooks.kind is Kind.ORDERED and not hooks.keyed
    return isinstance(requires_grad, bool) and plain


def _check_gradient(requires_grad: Value, numbers: Numbers) -> None:
    if requires_grad and numbers is Numbers.WHOLE:
        raise UnreadableCheckpoint("a tensor of whole numbers has a gradient, which torch does not load")


def _check_flags(
    name: str, arguments: tuple[Value, ...], metadata: tuple[Value, ...], numbers: Numbers
) -> None:
    """Let through no metadata of a tensor but torch's own two flags, where it can have them."""
    if not metadata or metadata[0] is None:
        return
    flags = metadata[0]
    if not isinstance(flags, Node) or flags.kind is not Kind.DICT or len(flags.keyed) > 2:
        raise _unusual(name, arguments)
    # torch writes a flag only where it is set.
    if not set(flags.keyed) <= {"conj", "neg"} or not all(value is True for value in flags.keyed.values()):
        raise _unusual(name, arguments)
    fitting = {Numbers.WHOLE: set(), Numbers.REAL: {"neg"}, Numbers.COMPLEX: {"conj", "neg"}}[numbers]
    if not set(flags.keyed) <= fitting:
        raise UnreadableCheckpoint("a tensor has a flag that torch gives to other numbers alone")


def _whole_numbers(value: Value) -> tuple[int, ...] | None:
    """Return the numbers of a shape or stride, or None where it is none."""
    if not isinstance(value, Node) or value.kind not in (Kind.TUPLE, Kind.SIZE):
        return None
    if len(value.items) > MAX_DIMENSIONS:
        return None
    numbers = tuple(item for item in value.items if _is_count(item))
    return numbers if len(numbers) == len(value.items) else None


def _is_count(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT64
