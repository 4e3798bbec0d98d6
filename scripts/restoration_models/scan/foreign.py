"""The opcodes that torch's restricted unpickler does not read, followed for what they name.

A pickle that holds one is refused in the end. Following them makes the refusal say what
matters: that ``os.system`` is called, rather than that an opcode is unusual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from restoration_models.scan.limits import MAX_STRING
from restoration_models.scan.pickles import Follow, Pickle
from restoration_models.scan.values import Kind, Node, Value, described
from restoration_models.scan.verdicts import UnreadableCheckpoint, UnsafeCheckpoint

_DIGITS: Final = re.compile(rb"[0-9]{1,9}")
# A quoted text without escapes; anything else is not followed.
_PLAIN_STRING: Final = re.compile(rb"(['\"])([ !#-&(-\[\]-~]*)\1")


def _opaque(pickle: Pickle) -> None:
    pickle.stack.append(Node(Kind.OPAQUE))


def _line(pickle: Pickle) -> None:
    """INT, LONG, FLOAT: the number itself does not matter."""
    pickle.window.line()
    _opaque(pickle)


def _string(pickle: Pickle) -> None:
    found = _PLAIN_STRING.fullmatch(pickle.window.line())
    pickle.stack.append(found[2].decode("ascii") if found else Node(Kind.OPAQUE))


def _raw_unicode(pickle: Pickle) -> None:
    line = pickle.window.line()
    # Escapes mean different text to different readers.
    plain = line.isascii() and b"\\" not in line
    pickle.stack.append(line.decode("ascii") if plain else Node(Kind.OPAQUE))


def _counted_text(pickle: Pickle, width: int) -> None:
    pickle.stack.append(pickle.text(pickle.counted(width)))


def _counted_bytes(pickle: Pickle, width: int) -> None:
    pickle.counted(width)
    _opaque(pickle)


def _binstring(pickle: Pickle) -> None:
    # Decoded with an encoding that the reader chooses; only ASCII means the same to all.
    data = pickle.counted(4)
    pickle.stack.append(data.decode("ascii") if data.isascii() else Node(Kind.OPAQUE))


def _index(pickle: Pickle) -> int:
    line = pickle.window.line()
    if not _DIGITS.fullmatch(line):
        raise UnreadableCheckpoint("a memo index is no plain number")
    return int(line)


def _frame(pickle: Pickle) -> None:
    length = int.from_bytes(pickle.window.take(8), "little")
    if length > max(pickle.window.left, MAX_STRING):
        raise UnreadableCheckpoint(f"a frame of {length} bytes is longer than the file")


def _extension(pickle: Pickle) -> None:
    raise UnsafeCheckpoint(
        "imports a name by its number in a registry of the reading program, which cannot be known"
    )


def _text_persistent(pickle: Pickle) -> None:
    pickle.window.line()
    raise UnsafeCheckpoint("a persistent id is a line of text; torch's are tuples")


def _stack_global(pickle: Pickle) -> None:
    name, module = pickle.pop(), pickle.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise UnsafeCheckpoint(
            f"imports {described(name)} from {described(module)}: the name cannot be resolved"
        )
    pickle.stack.append(pickle.name(module, name))


def _inst(pickle: Pickle) -> None:
    module = pickle.text(pickle.window.line())
    named = pickle.name(module, pickle.text(pickle.window.line()))
    pickle.stack.append(pickle.call(named, _tuple(pickle.pop_mark()), constructor=True))


def _obj(pickle: Pickle) -> None:
    items = pickle.pop_mark()
    if not items:
        raise UnreadableCheckpoint("an OBJ opcode has no class")
    pickle.stack.append(pickle.call(items[0], _tuple(items[1:]), constructor=True))


def _newobj_ex(pickle: Pickle) -> None:
    pickle.pop()
    arguments = pickle.pop()
    pickle.stack.append(pickle.call(pickle.pop(), arguments, constructor=True))


def _dict(pickle: Pickle) -> None:
    items = pickle.pop_mark()
    pickle.stack.append(Node(Kind.DICT))
    pickle.set_items(items)


def _list(pickle: Pickle) -> None:
    items = pickle.pop_mark()
    pickle.stack.append(Node(Kind.LIST))
    pickle.append(items)


def _add_items(pickle: Pickle) -> None:
    pickle.pop_mark()
    pickle.top()


def _frozen_set(pickle: Pickle) -> None:
    pickle.pop_mark()
    _opaque(pickle)


def _pop(pickle: Pickle) -> None:
    # On an empty stack CPython's POP takes the mark instead; whoever relies on that hides something.
    pickle.pop()


def _memoize(pickle: Pickle) -> None:
    pickle.remember(len(pickle.memo))


def _readonly(pickle: Pickle) -> None:
    pickle.top()


def _tuple(items: list[Value]) -> Node:
    return Node(Kind.TUPLE, tuple(items))


FOREIGN: Final[Mapping[int, tuple[str, Follow]]] = {
    ord("0"): ("POP", _pop),
    ord("1"): ("POP_MARK", lambda pickle: pickle.pop_mark().clear()),
    ord("2"): ("DUP", lambda pickle: pickle.stack.append(pickle.top())),
    ord("F"): ("FLOAT", _line),
    ord("I"): ("INT", _line),
    ord("L"): ("LONG", _line),
    ord("P"): ("PERSID", _text_persistent),
    ord("S"): ("STRING", _string),
    ord("T"): ("BINSTRING", _binstring),
    ord("V"): ("UNICODE", _raw_unicode),
    ord("B"): ("BINBYTES", lambda pickle: _counted_bytes(pickle, 4)),
    ord("C"): ("SHORT_BINBYTES", lambda pickle: _counted_bytes(pickle, 1)),
    ord("d"): ("DICT", _dict),
    ord("l"): ("LIST", _list),
    ord("g"): ("GET", lambda pickle: pickle.recall(_index(pickle))),
    ord("p"): ("PUT", lambda pickle: pickle.remember(_index(pickle))),
    ord("i"): ("INST", _inst),
    ord("o"): ("OBJ", _obj),
    0x82: ("EXT1", _extension),
    0x83: ("EXT2", _extension),
    0x84: ("EXT4", _extension),
    0x8B: ("LONG4", lambda pickle: _counted_bytes(pickle, 4)),
    0x8C: ("SHORT_BINUNICODE", lambda pickle: _counted_text(pickle, 1)),
    0x8D: ("BINUNICODE8", lambda pickle: _counted_text(pickle, 8)),
    0x8E: ("BINBYTES8", lambda pickle: _counted_bytes(pickle, 8)),
    0x8F: ("EMPTY_SET", _opaque),
    0x90: ("ADDITEMS", _add_items),
    0x91: ("FROZENSET", _frozen_set),
    0x92: ("NEWOBJ_EX", _newobj_ex),
    0x93: ("STACK_GLOBAL", _stack_global),
    0x94: ("MEMOIZE", _memoize),
    0x95: ("FRAME", _frame),
    0x96: ("BYTEARRAY8", lambda pickle: _counted_bytes(pickle, 8)),
    0x97: ("NEXT_BUFFER", _opaque),
    0x98: ("READONLY_BUFFER", _readonly),
}
