"""Follows a pickle's opcodes with symbolic values, running and importing nothing.

The stack, the marks and the memo work as in torch's restricted unpickler, so that a name is
known however it got there. An opcode that this unpickler does not read is followed too (see
`foreign`), for the sake of a precise refusal: such a pickle never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import unpack
from typing import Final

from restoration_models.scan import calls
from restoration_models.scan.allowlist import Allowed, Role, is_identifier
from restoration_models.scan.limits import (
    MAX_ARGUMENTS,
    MAX_DEPTH,
    MAX_LONG,
    MAX_MEMO,
    MAX_OPCODES,
    MAX_PICKLE_BYTES,
    MAX_STRING,
)
from restoration_models.scan.source import Window
from restoration_models.scan.values import Kind, Ledger, Node, Value, described, is_function
from restoration_models.scan.verdicts import SAVE_AGAIN, UnreadableCheckpoint, UnsafeCheckpoint, shown

PROTO: Final = 0x80
STOP: Final = 0x2E
PROTOCOL: Final = 2
"""The one protocol that torch.save writes by default and torch's restricted loader reads."""

# torch.save writes the names of Python 2; the restricted loader maps them back.
_PYTHON_2: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}

REVIEW = (
    "do not load it; get the checkpoint from a source you trust. If a person has read what this name does "
    "with this file's data, the catalogue entry can list it under expects: allow-globals"
)


class Pickle:
    """One pickle being followed; `run` once."""

    def __init__(
        self,
        window: Window,
        *,
        member: str,
        allowed: Mapping[str, Allowed],
        storages: bool = True,
        legacy: bool = False,
        max_opcodes: int = MAX_OPCODES,
    ) -> None:
        self.window = window
        self.member = member
        self.allowed = allowed
        self.storages = storages
        """Whether persistent ids may occur."""
        self.legacy = legacy
        self.max_opcodes = max_opcodes
        self.globals: set[str] = set()
        """Every dotted name met so far."""
        self.ledger = Ledger()
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.foreign: str | None = None
        """The first opcode that torch's restricted loader does not read."""
        self._start = window.position
        self._opcode = ""
        self._opcode_at = 0

    def run(self) -> Value:
        """Follow the pickle to its STOP and return what it makes.

        Raises `UnsafeCheckpoint` or `UnreadableCheckpoint`, with member, opcode and position.
        """
        try:
            result = self._follow()
        except (UnsafeCheckpoint, UnreadableCheckpoint) as error:
            raise self._placed(error) from None
        if self.foreign:
            raise UnreadableCheckpoint(
                f"uses {self.foreign}, which torch.load(weights_only=True) does not read",
                member=self.member,
                remedy=SAVE_AGAIN,
            )
        return result

    def _follow(self) -> Value:
        # Late, because foreign's opcodes are functions of this class.
        from restoration_models.scan.foreign import FOREIGN

        take, seen = self.window.take, 0
        while True:
            self._opcode_at = self.window.position - self._start
            code = take(1)[0]
            seen += 1
            if seen > self.max_opcodes:
                raise UnreadableCheckpoint(
                    f"a pickle has more than {self.max_opcodes} opcodes", remedy=SAVE_AGAIN
                )
            if self._opcode_at > MAX_PICKLE_BYTES:
                raise UnreadableCheckpoint(
                    f"a pickle is longer than {MAX_PICKLE_BYTES} bytes", remedy=SAVE_AGAIN
                )
            own = _OPCODES.get(code)
            if own is not None:
                self._opcode, follow = own
                if seen == 1 and code != PROTO:
                    self.defer("a pickle without a protocol number")
                follow(self)
            elif code in FOREIGN:
                self._opcode, follow = FOREIGN[code]
                self.defer(f"the pickle opcode {self._opcode}")
                follow(self)
            else:
                self._opcode = ""
                raise UnreadableCheckpoint(f"a pickle holds the byte 0x{code:02x}, which is no opcode")
            if code == STOP:
                return self._result()

    def _result(self) -> Value:
        if self.marks or len(self.stack) != 1:
            raise UnreadableCheckpoint("a pickle ends with values left over or none at all")
        result = self.stack[0]
        if isinstance(result, Node) and result.kind is Kind.GLOBAL and is_function(result):
            raise UnsafeCheckpoint(f"holds nothing but {result.name} itself", global_name=result.name)
        self.ledger.check_sharing()
        return result

    def _placed(
        self, error: UnsafeCheckpoint | UnreadableCheckpoint
    ) -> UnsafeCheckpoint | UnreadableCheckpoint:
        """Return `error` with the place where this pickle stands."""
        what, remedy = error.what, error.remedy or ""
        if isinstance(error, UnsafeCheckpoint):
            return UnsafeCheckpoint(
                what,
                member=self.member,
                position=self._opcode_at,
                opcode=self._opcode,
                global_name=error.global_name,
                remedy=remedy,
            )
        if error.member:
            return error
        return UnreadableCheckpoint(
            what, member=self.member, position=self._opcode_at, opcode=self._opcode, remedy=remedy
        )

    # What opcodes are made of; `foreign` uses these too.

    def defer(self, what: str) -> None:
        """Refuse the pickle at its end, unless something worse is met before."""
        self.foreign = self.foreign or what

    def pop(self) -> Value:
        """Take the top value, which must lie above the last mark."""
        if not self.stack:
            raise UnreadableCheckpoint("an opcode takes a value from an empty stack")
        return self.stack.pop()

    def top(self) -> Value:
        """Return the top value and leave it there."""
        if not self.stack:
            raise UnreadableCheckpoint("an opcode looks at an empty stack")
        return self.stack[-1]

    def mark(self) -> None:
        """Open a mark."""
        if len(self.marks) >= MAX_DEPTH:
            raise UnreadableCheckpoint(f"more than {MAX_DEPTH} marks are open")
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Value]:
        """Take every value above the last mark, and the mark."""
        if not self.marks:
            raise UnreadableCheckpoint("an opcode looks for a mark that is not there")
        items, self.stack = self.stack, self.marks.pop()
        return items

    def text(self, data: bytes) -> str:
        """Decode text, strictly: no lone surrogates, which Python's own pickle lets through."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise UnreadableCheckpoint("a text is not valid UTF-8", remedy=SAVE_AGAIN) from None

    def counted(self, width: int, limit: int = MAX_STRING) -> bytes:
        """Take a little-endian length of `width` bytes and as many bytes."""
        length = int.from_bytes(self.window.take(width), "little")
        if length > limit:
            raise UnreadableCheckpoint(f"a pickle holds a value of {length} bytes; at most {limit} are read")
        return self.window.take(length)

    def name(self, module: str, name: str) -> Node:
        """Note the mention of a global and return it; raise `UnsafeCheckpoint` where it is not allowed."""
        tame = all(is_identifier(part) for part in module.split(".")) and all(
            is_identifier(part) for part in name.split(".")
        )
        if not tame:
            raise UnsafeCheckpoint(f"imports {shown(name)} from {shown(module)}, which is no ordinary name")
        dotted = f"{_PYTHON_2.get(module, module)}.{name}"
        self.globals.add(dotted)
        allowed = self.allowed.get(dotted)
        if allowed is None:
            raise UnsafeCheckpoint(
                f"imports {dotted}, which is not on the allow-list", global_name=dotted, remedy=REVIEW
            )
        if "." in name and allowed.role is not Role.REVIEWED:
            raise UnsafeCheckpoint(f"imports {shown(name)} from {shown(module)}, which is no ordinary name")
        return Node(Kind.GLOBAL, name=dotted, allowed=allowed)

    def call(self, function: Value, arguments: Value, *, constructor: bool = False) -> Node:
        """Return what a call makes; raise `UnsafeCheckpoint` unless it is an allow-listed one."""
        if not isinstance(function, Node) or function.kind is not Kind.GLOBAL or function.allowed is None:
            raise UnsafeCheckpoint(f"calls {described(function)}, which is no allow-listed name")
        if not isinstance(arguments, Node) or arguments.kind is not Kind.TUPLE:
            raise UnsafeCheckpoint(f"calls {function.name} with {described(arguments)} for arguments")
        if len(arguments.items) > MAX_ARGUMENTS:
            raise UnsafeCheckpoint(f"calls {function.name} with {len(arguments.items)} arguments")
        if function.allowed.role is Role.REVIEWED:
            return Node(Kind.REVIEWED, tuple(arguments.items), name=function.name)
        if constructor or function.allowed.role is not Role.CALL:
            raise UnsafeCheckpoint(f"makes an object of {function.name} directly", global_name=function.name)
        return calls.called(function.name, arguments, self.ledger)

    def changeable(self, *kinds: Kind) -> Node:
        """Return the top value, of one of `kinds` and not yet inside another value."""
        target = self.top()
        if not isinstance(target, Node) or target.kind not in kinds:
            raise UnsafeCheckpoint(f"puts something into {described(target)}")
        if target.held:
            raise UnsafeCheckpoint(f"changes {described(target)} after it was put into another value")
        return target

    def remember(self, index: int) -> None:
        """Put the top value into the memo."""
        if index > MAX_MEMO:
            raise UnreadableCheckpoint(f"a memo index is {index}; at most {MAX_MEMO} is read")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        """Push a value of the memo."""
        if index not in self.memo:
            raise UnreadableCheckpoint(f"a memo entry is read that was never written: {index}")
        self.stack.append(self.memo[index])

    def append(self, items: list[Value]) -> None:
        """Append to the list on top."""
        target = self.changeable(Kind.LIST)
        assert isinstance(target.items, list)  # noqa: S101 - a list node's items are one
        for item in items:
            if item is target:
                raise UnsafeCheckpoint("puts a list into itself")
            target.keep(item)
            target.items.append(item)

    def set_items(self, items: list[Value]) -> None:
        """Set alternating keys and values in the dict on top."""
        if len(items) % 2:
            raise UnreadableCheckpoint("a dict gets a key without a value")
        target = self.changeable(Kind.DICT, Kind.ORDERED)
        for at in range(0, len(items), 2):
            if items[at + 1] is target:
                raise UnsafeCheckpoint("puts a dict into itself")
            calls.put(target, items[at], items[at + 1], self.ledger)

    # The opcodes that torch's restricted loader reads.

    def _proto(self) -> None:
        protocol = self.window.take(1)[0]
        if self._opcode_at:
            self.defer("a second protocol number inside a pickle")
        if protocol != PROTOCOL:
            self.defer(f"pickle protocol {protocol}")

    def _stop(self) -> None:
        return

    def _global(self) -> None:
        module = self.text(self.window.line())
        self.stack.append(self.name(module, self.text(self.window.line())))

    def _reduce(self) -> None:
        arguments = self.pop()
        self.stack.append(self.call(self.pop(), arguments))

    def _newobj(self) -> None:
        arguments = self.pop()
        self.stack.append(self.call(self.pop(), arguments, constructor=True))

    def _build(self) -> None:
        state = self.pop()
        target = self.changeable(Kind.ORDERED, Kind.REVIEWED)
        if target.kind is Kind.ORDERED:
            # The attributes of an OrderedDict: torch keeps module versions there, and nothing else may.
            metadata = state.keyed.get("_metadata") if isinstance(state, Node) else None
            alone = isinstance(state, Node) and state.kind is Kind.DICT and len(state.keyed) == 1
            if not alone or not isinstance(metadata, Node) or metadata.kind is not Kind.ORDERED:
                raise UnsafeCheckpoint("sets attributes of an OrderedDict other than torch's _metadata")
        if state is target:
            raise UnsafeCheckpoint("builds a value from itself")
        target.hold(state)

    def _persistent(self) -> None:
        if not self.storages:
            raise UnsafeCheckpoint("a persistent id stands where none belongs")
        self.stack.append(calls.persistent(self.pop(), self.ledger, legacy=self.legacy))

    def _tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise UnreadableCheckpoint("an opcode takes a value from an empty stack")
        items = tuple(self.stack[-count:])
        self.stack[-count:] = [Node(Kind.TUPLE, items)]

    def _tuple_mark(self) -> None:
        items = tuple(self.pop_mark())
        self.stack.append(Node(Kind.TUPLE, items))

    def _setitem(self) -> None:
        value = self.pop()
        self.set_items([self.pop(), value])

    def _unicode(self) -> None:
        self.stack.append(self.text(self.counted(4)))

    def _short_string(self) -> None:
        self.stack.append(self.text(self.counted(1)))

    def _long1(self) -> None:
        self.stack.append(int.from_bytes(self.counted(1, MAX_LONG), "little", signed=True))

    def _number(self, width: int, *, signed: bool = False) -> None:
        self.stack.append(int.from_bytes(self.window.take(width), "little", signed=signed))

    def _float(self) -> None:
        value: float = unpack(">d", self.window.take(8))[0]
        self.stack.append(value)


Follow = Callable[[Pickle], None]

# Every opcode of torch's restricted unpickler but EMPTY_SET, which cannot be filled without
# opcodes that it does not read.
_OPCODES: Final[Mapping[int, tuple[str, Follow]]] = {
    PROTO: ("PROTO", Pickle._proto),
    STOP: ("STOP", Pickle._stop),
    ord("c"): ("GLOBAL", Pickle._global),
    ord("R"): ("REDUCE", Pickle._reduce),
    0x81: ("NEWOBJ", Pickle._newobj),
    ord("b"): ("BUILD", Pickle._build),
    ord("Q"): ("BINPERSID", Pickle._persistent),
    ord("("): ("MARK", Pickle.mark),
    ord("t"): ("TUPLE", Pickle._tuple_mark),
    0x85: ("TUPLE1", lambda pickle: pickle._tuple(1)),
    0x86: ("TUPLE2", lambda pickle: pickle._tuple(2)),
    0x87: ("TUPLE3", lambda pickle: pickle._tuple(3)),
    ord(")"): ("EMPTY_TUPLE", lambda pickle: pickle.stack.append(Node(Kind.TUPLE))),
    ord("]"): ("EMPTY_LIST", lambda pickle: pickle.stack.append(Node(Kind.LIST))),
    ord("}"): ("EMPTY_DICT", lambda pickle: pickle.stack.append(Node(Kind.DICT))),
    ord("a"): ("APPEND", lambda pickle: pickle.append([pickle.pop()])),
    ord("e"): ("APPENDS", lambda pickle: pickle.append(pickle.pop_mark())),
    ord("s"): ("SETITEM", Pickle._setitem),
    ord("u"): ("SETITEMS", lambda pickle: pickle.set_items(pickle.pop_mark())),
    ord("N"): ("NONE", lambda pickle: pickle.stack.append(None)),
    0x88: ("NEWTRUE", lambda pickle: pickle.stack.append(True)),
    0x89: ("NEWFALSE", lambda pickle: pickle.stack.append(False)),
    ord("J"): ("BININT", lambda pickle: pickle._number(4, signed=True)),
    ord("K"): ("BININT1", lambda pickle: pickle._number(1)),
    ord("M"): ("BININT2", lambda pickle: pickle._number(2)),
    0x8A: ("LONG1", Pickle._long1),
    ord("G"): ("BINFLOAT", Pickle._float),
    ord("X"): ("BINUNICODE", Pickle._unicode),
    ord("U"): ("SHORT_BINSTRING", Pickle._short_string),
    ord("q"): ("BINPUT", lambda pickle: pickle.remember(pickle.window.take(1)[0])),
    ord("r"): (
        "LONG_BINPUT",
        lambda pickle: pickle.remember(int.from_bytes(pickle.window.take(4), "little")),
    ),
    ord("h"): ("BINGET", lambda pickle: pickle.recall(pickle.window.take(1)[0])),
    ord("j"): ("LONG_BINGET", lambda pickle: pickle.recall(int.from_bytes(pickle.window.take(4), "little"))),
}
