"""The symbolic values that a pickle's opcodes are followed with: shapes of objects, never objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, Union

from restoration_models.scan.allowlist import Allowed, Numbers, Role
from restoration_models.scan.limits import MAX_DEPTH, MAX_NUMBERED, MAX_SHARING
from restoration_models.scan.verdicts import UnreadableCheckpoint, UnsafeCheckpoint, shown

# In words, because Node is defined below and holds values itself.
Value = Union[None, bool, int, float, str, "Node"]


class Kind(enum.Enum):
    """What a symbolic value stands for."""

    TUPLE = enum.auto()
    LIST = enum.auto()
    DICT = enum.auto()
    ORDERED = enum.auto()
    """A collections.OrderedDict."""
    SIZE = enum.auto()
    """A torch.Size; `items` are its dimensions."""
    GLOBAL = enum.auto()
    STORAGE = enum.auto()
    TENSOR = enum.auto()
    DEVICE = enum.auto()
    REVIEWED = enum.auto()
    """What a name allowed by the catalogue entry made."""
    OPAQUE = enum.auto()
    """Something whose content is not followed (bytes, sets, text with escapes)."""


_DICTS: Final = frozenset({Kind.DICT, Kind.ORDERED})
_NO_ITEMS: Final[dict[str | int, Value]] = {}
"""The items of all that has none; never written to."""


class Node:
    """A value that is no plain number, string or None."""

    __slots__ = ("allowed", "depth", "held", "items", "keyed", "kind", "name", "numbers", "storage")

    def __init__(
        self,
        kind: Kind,
        items: tuple[Value, ...] = (),
        *,
        name: str = "",
        allowed: Allowed | None = None,
        storage: Storage | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self.kind = kind
        self.items: tuple[Value, ...] | list[Value] = list(items) if kind is Kind.LIST else items
        self.keyed: dict[str | int, Value] = {} if kind in _DICTS else _NO_ITEMS
        """Items of a dict."""
        self.name = name
        """Dotted name of a global."""
        self.allowed = allowed
        self.storage = storage
        self.numbers = numbers
        """What a tensor's elements are."""
        self.held = False
        """Whether another value holds this one: it may not change any more (see `hold`)."""
        self.depth = 1
        for item in items:
            self.hold(item)

    def hold(self, item: Value) -> None:
        """Note that `item` is now inside this value.

        A held value may not change any more. Pickles that torch writes finish each value before
        they put it anywhere; the rule makes cycles impossible and every depth exact.
        """
        if isinstance(item, Node):
            item.held = True
            if item.depth >= self.depth:
                self.depth = item.depth + 1
                if self.depth > MAX_DEPTH:
                    raise UnreadableCheckpoint(f"values are nested more than {MAX_DEPTH} deep")

    def keep(self, item: Value) -> None:
        """Hold `item` as an entry of a list or dict, where it reaches whoever loads the file."""
        if isinstance(item, Node) and item.kind is Kind.GLOBAL and is_function(item):
            raise UnsafeCheckpoint(f"stores {item.name} itself as a value", global_name=item.name)
        self.hold(item)


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of raw bytes in the file that a persistent id declares."""

    key: str
    type_name: str
    item_size: int
    count: int
    """Elements."""
    numbers: Numbers

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.item_size


@dataclass(slots=True)
class Ledger:
    """What a pickle says of storages and tensors, to be compared with the file."""

    storages: dict[str, Storage] = field(default_factory=dict)
    tensors: int = 0
    tensor_bytes: int = 0
    copied: int = 0
    """Entries copied from lists into dicts: a list can be named again and again."""
    numbered: int = 0
    """Entries of dicts under whole numbers."""

    def declare(self, storage: Storage) -> Storage:
        """Register a storage; every mention of a key must say the same."""
        known = self.storages.setdefault(storage.key, storage)
        if known != storage and (known.size or storage.size):
            raise UnsafeCheckpoint(
                f"declares storage {storage.key} as {known.count} of {known.type_name} and as "
                f"{storage.count} of {storage.type_name}"
            )
        return storage

    def number(self) -> None:
        """Note an entry of a dict under a whole number."""
        self.numbered += 1
        if self.numbered > MAX_NUMBERED:
            raise UnsafeCheckpoint(f"has more than {MAX_NUMBERED} dict keys that are whole numbers")

    def check_sharing(self) -> None:
        """Raise where tensors over shared storages add up to far more than the storages hold."""
        held = sum(storage.size for storage in self.storages.values())
        if self.tensor_bytes > MAX_SHARING * held:
            raise UnsafeCheckpoint(
                f"its tensors add up to {self.tensor_bytes} bytes over only {held} bytes of storage "
                f"(at most {MAX_SHARING} times as much is read)"
            )


def is_function(node: Node) -> bool:
    """Return whether a global node is something other than a plain value or a reviewed name."""
    return node.allowed is not None and node.allowed.role in (Role.CALL, Role.STORAGE)


def described(value: Value) -> str:
    """Return a short description of a value for an error text."""
    if isinstance(value, Node):
        if value.kind is Kind.GLOBAL:
            return value.name
        return {Kind.ORDERED: "an OrderedDict", Kind.OPAQUE: "a value that is not followed"}.get(
            value.kind, f"a {value.kind.name.lower()}"
        )
    return shown(value) if isinstance(value, str) else type(value).__name__
