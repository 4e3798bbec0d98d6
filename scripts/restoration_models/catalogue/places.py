"""Reading a YAML file with the line of every key, strictly.

Two YAML libraries read the params files: DVC's and ours. What the two could understand
differently (aliases, tags, directives, repeated keys, scalars such as ``on`` or ``012``) and
what a reader cannot see (control and direction characters) is a problem here, so that both
always have the same catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from restoration_models.catalogue import scalars
from restoration_models.errors import Problem

Key = tuple[str | int, ...]
"""The way from the file's top to a value: mapping keys and list indices."""

LARGEST = 4_000_000
"""Bytes; a layer of a thousand models has two million. What is read costs up to 150 times its size."""
DEEPEST = 20
"""Mappings and lists within one another; a catalogue has six."""
MOST = 1000
"""Problems of a file that are listed: what a person reads, and what a hostile file can cost."""
_LONGEST_PART = 80
_NAME = re.compile(r"[\w*+-]+")
INVISIBLE = "the invisible character"


@dataclass(slots=True)
class Document:
    """A params file: its data, where each key stands, and what is wrong with its form."""

    name: str
    """Path relative to the project root, for messages."""
    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    quoted: set[Key] = field(default_factory=set)
    """Scalars written between quotes."""
    unread: set[Key] = field(default_factory=set)
    """Values that could not be read, so that nothing more can be said of them."""
    noted: set[Key] = field(default_factory=set)
    """Keys with a problem."""
    problems: list[Problem] = field(default_factory=list)

    def line(self, key: Key) -> int:
        """The line of `key`, or of its nearest parent that exists; 1-based."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def problem(self, key: Key, what: str, remedy: str = "", *, line: int | None = None) -> None:
        """Note a problem at `key`."""
        self.noted.add(key)
        if len(self.problems) > MOST:
            return
        if len(self.problems) == MOST:
            what, remedy, line, key = "more is wrong than is listed", "mend what is listed first", 0, ()
        place = self.line(key) if line is None else line
        self.problems.append(Problem(self.name, place, key_path(key), what, remedy))


def key_path(key: Key) -> str:
    """``models.uvdoc.sources[0]`` for the key ``("models", "uvdoc", "sources", 0)``.

    A key that is no simple name stands in brackets, quoted: ``models['a b']``.
    """
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        shown = part if len(part) <= _LONGEST_PART else f"{part[: _LONGEST_PART - 1]}…"
        if _NAME.fullmatch(part):
            text += f".{shown}" if text else shown
        else:
            text += f"[{shown!r}]"
    return text


def read(path: Path, name: str) -> Document:
    """Read the YAML file `path`; what is wrong with it is in the document's problems."""
    document = Document(name)
    text = _text(path, document)
    if text is None:
        return document
    builder = _Builder(document, yaml.parse(text, Loader=scalars.Loader))
    try:
        document.data = builder.build()
    except yaml.YAMLError as error:
        if not scalars.hidden(text.replace("\r\n", "\n")):  # else that is what stopped the parser
            _note_syntax(document, error, len(text.splitlines()))
    except _TooDeep as error:
        document.problem((), f"is nested more than {DEEPEST} levels deep", "flatten it", line=error.line)
    for number, line in enumerate(text.split("\n"), start=1):
        character = scalars.hidden(line.removesuffix("\r"))
        if character and number not in builder.blamed:
            document.problem((), f"holds {INVISIBLE} {character}", "remove it", line=number)
    return document


def _text(path: Path, document: Document) -> str | None:
    """The file's text, or None with the problem noted."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        remedy = f"create {document.name}, or take its layer off the list"
        document.problem((), "the file is missing", remedy, line=0)
        return None
    except OSError as error:
        document.problem((), f"cannot be read: {error.strerror or error}", line=0)
        return None
    if len(data) > LARGEST:
        document.problem((), f"is larger than {LARGEST // 1_000_000} MB", "split the layer", line=0)
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        document.problem((), "is not UTF-8", "save the file as UTF-8", line=line)
        return None


def _note_syntax(document: Document, error: yaml.YAMLError, last: int) -> None:
    mark = getattr(error, "problem_mark", None)
    said = [getattr(error, "context", None), getattr(error, "problem", None)]
    what = ", ".join(part for part in said if part) or str(error).splitlines()[0]
    line = min(mark.line + 1, last) if mark else 0  # the end of a file is a line of its own to libyaml
    remedy = "indent with spaces; put text that begins with @, ` or % between quotes"
    document.problem((), f"not valid YAML: {what}", remedy if "start any token" in what else "", line=line)


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Builder:
    """Turns the parser's events into data, noting lines and problems on the way.

    Events, not composed nodes: libyaml's composer recurses in C without a limit, so that a file
    of brackets ends the process; and an event tells a written tag from a guessed one.
    """

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document = document
        self.events = events
        self.blamed: set[int] = set()
        """Lines whose invisible characters are noted, each at its key."""
        self.bracketed = False
        """Whether what comes next stands between brackets or braces."""

    def build(self) -> Any:
        next(self.events)  # the stream's start
        start = next(self.events)
        if not isinstance(start, yaml.DocumentStartEvent):
            self.document.problem((), "the file is empty", "state its fields")
            return None
        if start.version or start.tags:
            self.document.problem((), "a % directive is not allowed", "remove the line")
        data = self.value(next(self.events), ())
        next(self.events)  # the document's end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            line = _line(after)
            self.document.problem((), "a second document begins here", "remove the --- line", line=line)
        return data

    def value(self, event: Any, key: Key) -> Any:
        """The value that begins with `event`; None, noted as unread, where it cannot be told."""
        self.document.lines.setdefault(key, _line(event))
        if len(key) > DEEPEST:
            raise _TooDeep(_line(event))
        if isinstance(event, yaml.AliasEvent):
            return self.unread(key, f"the alias *{event.anchor} is not allowed", "write the value out")
        if event.tag is not None:
            self.skip(event)
            return self.unread(key, f"the tag {event.tag} is not allowed", "write a plain value")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, key)
        inside = self.bracketed
        self.bracketed = inside or bool(event.flow_style)
        found = self.mapping(key) if isinstance(event, yaml.MappingStartEvent) else self.sequence(key)
        self.bracketed = inside
        return found

    def mapping(self, key: Key) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self.name(event, key)
            if name is None:
                self.skip()
                continue
            place: Key = (*key, name)
            if name in data:
                line = _line(event)
                self.document.problem(place, "the key is given twice", "keep one of them", line=line)
                self.skip()
                continue
            self.document.lines[place] = _line(event)
            data[name] = self.value(next(self.events), place)
        return data

    def sequence(self, key: Key) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            data.append(self.value(event, (*key, len(data))))
        return data

    def name(self, event: Any, key: Key) -> str | None:
        """The mapping key that `event` is; None, noted, where it is no text."""
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self.document.problem(key, "a key here is no plain text", "write a name", line=line)
            self.skip(event)
            return None
        name: str = event.value
        fault: tuple[str, str] | None = None
        if name == "<<" and _is_plain(event):
            fault = "the merge key << is not allowed", "write the fields out"
        elif character := self.hidden(event):
            fault = f"a key holds {INVISIBLE} {character}", "remove it"
        elif "${" in name:
            fault = "a key holds '${', which DVC would expand", "rename it"
        elif _is_plain(event):
            try:
                found = self.meaning(name)
            except scalars.Unclear as unclear:
                fault = f"the key {unclear.what}", "choose another name"
            else:
                if not isinstance(found, str):
                    fault = f"the key {name!r} is not read as text", "choose another name"
        if fault:
            self.document.problem(key, *fault, line=line)
            return None
        return name

    def skip(self, event: Any = None) -> None:
        """Pass over the value that `event`, or else the next event, begins."""
        depth = 0
        while True:
            event = next(self.events) if event is None else event
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:
                    raise _TooDeep(_line(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = None

    def scalar(self, event: Any, key: Key) -> Any:
        text: str = event.value
        if character := self.hidden(event):
            return self.unread(key, f"holds {INVISIBLE} {character}", "remove it")
        if "${" in text:
            return self.unread(key, "holds '${', which DVC would expand", "write it otherwise")
        if not _is_plain(event):
            self.document.quoted.add(key)
            return text
        try:
            value = self.meaning(text)
        except scalars.Unclear as unclear:
            return self.unread(key, unclear.what, unclear.remedy)
        if value is None:
            remedy = "give a value, write {} or [] for an empty map or list, or leave the key out"
            return self.unread(key, "is null, which DVC cannot use", remedy)
        return value

    def meaning(self, text: str) -> str | int | float | bool | None:
        """What a plain scalar means; raises `Unclear`."""
        if self.bracketed and (":" in text or "?" in text):
            # Older libyaml, which DVC's reader contains, stops there.
            raise scalars.Unclear(f"{scalars.shown(text)} holds : or ? between brackets")
        return scalars.meaning(text)

    def hidden(self, event: Any) -> str | None:
        """The scalar's first invisible character; its lines are then blamed."""
        character = scalars.hidden(event.value)
        if character:
            self.blamed.update(range(_line(event), event.end_mark.line + 2))
        return character

    def unread(self, key: Key, what: str, remedy: str) -> None:
        self.document.problem(key, what, remedy)
        self.document.unread.add(key)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _is_plain(event: Any) -> bool:
    # libyaml gives an empty style for a plain scalar, the Python parser None.
    return not event.style
