"""Editing a params file: what is edited changes, every other byte stays as it was.

A parser says where a value stands, and the text is cut and joined there; nothing is read in and
written out again. So comments, order, quoting, brackets, blank lines and line ends of all that
was not meant are kept by construction. Each function takes a file's text and returns the new
one; whether it says what was meant, and nothing else, is proved before it is returned.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from restoration_models.catalogue import layout, scalars
from restoration_models.catalogue.places import Key, key_path
from restoration_models.errors import ModelProblem


class CannotEdit(ModelProblem):
    """The file is written in a way that cannot be edited here."""

    def __init__(self, key: Key, what: str) -> None:
        super().__init__(f"{what}; nothing was changed", where=key_path(key), remedy="edit the file by hand")


def read(text: str) -> Any:
    """What a params file says, as it is: not checked against any rule."""
    return _data(text)


def put(text: str, key: Key, value: Any) -> str:
    """`text` with `value` at `key`: in the place of what is there, else after the last of its mapping."""

    def change(data: Any) -> None:
        _inside(data, key)[key[-1]] = value

    def splice(whole: _Text) -> str:
        mapping, name = whole.mapping(key[:-1]), str(key[-1])
        pair = whole.pair(mapping, name)
        if mapping.flow_style and not mapping.value and not whole.mapping(key[:-2]).flow_style:
            return whole.filled(mapping, name, value, indent=2 * (len(key) - 1))
        if mapping.flow_style:
            return whole.put_inline(mapping, pair, name, value)
        return whole.put_lines(mapping, pair, name, value, apart=len(key) == _ENTRY)

    return _edit(text, key, splice, change)


def remove(text: str, key: Key) -> str:
    """`text` without `key`, its value, and the comment that stands right above it."""

    def change(data: Any) -> None:
        del _inside(data, key)[key[-1]]

    return _edit(text, key, lambda whole: whole.without(key), change)


def rename(text: str, key: Key, name: str) -> str:
    """`text` with the key `key` called `name`, in its place and with all that is in it."""

    def change(data: Any) -> None:
        mapping = _inside(data, key)
        renamed = [(name if one == key[-1] else one, value) for one, value in mapping.items()]
        mapping.clear()
        mapping.update(renamed)

    def splice(whole: _Text) -> str:
        node, _ = whole.existing(key)
        return whole.replaced(node, layout.inline(name, quoted=bool(node.style)))

    return _edit(text, key, splice, change)


def append(text: str, key: Key, value: Any) -> str:
    """`text` with `value` as one more item of the list at `key`."""

    def change(data: Any) -> None:
        _inside(data, key)[key[-1]].append(value)

    return _edit(text, key, lambda whole: whole.with_item(key, value), change)


_ENTRY = 2
"""Keys to an entry: ``models``, slug. Entries stand apart, their fields do not."""


def _inside(data: Any, key: Key) -> Any:
    for part in key[:-1]:
        data = data[part]
    return data


def _edit(text: str, key: Key, splice: Callable[[_Text], str], change: Callable[[Any], None]) -> str:
    """The spliced text, after proving that it means what it should and nothing else."""
    plain = text.replace("\r\n", "\n")
    try:
        edited = splice(_Text(plain))
        wanted = _data(plain)
        change(wanted)
        right = _listed(_data(edited)) == _listed(wanted)
    except yaml.YAMLError:
        right = False
    if not right:
        raise CannotEdit(key, "this place of the file is written in an unusual way")
    return _with_line_ends(edited, text) if plain != text else edited


def _with_line_ends(edited: str, text: str) -> str:
    """`edited` with the line ends that `text` has; what is new ends as most of its lines do."""
    before = [line.removesuffix("\r") for line in text.split("\n")]
    after = edited.split("\n")
    ends = ["\r\n" if line.endswith("\r") else "\n" for line in text.split("\n")[:-1]]
    usual = "\r\n" if 2 * ends.count("\r\n") > len(ends) else "\n"
    shared = min(len(before), len(after))
    first = next((n for n in range(shared) if before[n] != after[n]), shared)
    last = next((n for n in range(shared - first) if before[-1 - n] != after[-1 - n]), shared - first)
    shift = len(before) - len(after)
    found = []
    for n, line in enumerate(after[:-1]):
        same = n if n < first or not shift else n + shift if n >= len(after) - last else len(ends)
        found.append(line + (ends[same] if same < len(ends) else usual))
    return "".join(found) + after[-1]


def _data(text: str) -> Any:
    return yaml.load(text, Loader=scalars.Loader)  # noqa: S506 - a safe one


def _listed(data: Any) -> Any:
    """`data` with its mappings as lists of pairs: their order counts."""
    if isinstance(data, dict):
        return [(key, _listed(value)) for key, value in data.items()]
    return [_listed(item) for item in data] if isinstance(data, list | tuple) else data


class _Text:
    """A file's text, and where its values stand in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=scalars.Loader)

    # Finding.

    def mapping(self, key: Key) -> Any:
        """The mapping node at `key`."""
        node = self.root
        for part in key:
            pair = self.pair(node, str(part))
            if pair is None:
                raise CannotEdit(key, "there is nothing here")
            node = pair[1]
        if not isinstance(node, yaml.MappingNode):
            raise CannotEdit(key, "is no mapping")
        return node

    def pair(self, mapping: Any, name: str) -> tuple[Any, Any] | None:
        """The nodes of the key `name` and its value."""
        return next((pair for pair in mapping.value if pair[0].value == name), None)

    def existing(self, key: Key) -> tuple[Any, Any]:
        """The nodes of `key` and its value; raises `CannotEdit` where it is not there."""
        pair = self.pair(self.mapping(key[:-1]), str(key[-1]))
        if pair is None:
            raise CannotEdit(key, "there is nothing here")
        return pair

    def end(self, node: Any) -> int:
        """Where the last character of `node` is followed by something else."""
        if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
            end: int = node.end_mark.index
            start: int = node.start_mark.index
            # A folded text's mark lies behind the blank lines and comments that follow it.
            return start + len(self.text[start:end].rstrip()) if node.end_mark.column == 0 else end
        last = node.value[-1]
        return self.end(last[1] if isinstance(node, yaml.MappingNode) else last)

    def line_end(self, index: int) -> int:
        """The end of the line that holds `index`, in front of its line feed."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found

    def line_start(self, index: int) -> int:
        """The start of the line that holds `index`."""
        return self.text.rfind("\n", 0, index) + 1

    def block_end(self, node: Any, column: int) -> int:
        """The end of the last line of `node`, with the deeper comments that follow it."""
        end = self.line_end(self.end(node))
        here = end + 1
        while here < len(self.text):
            stop = self.line_end(here)
            line = self.text[here:stop]
            if line.strip() and not (line.lstrip().startswith("#") and _indent(line) > column):
                break
            end, here = (stop if line.strip() else end), stop + 1
        return end

    # Replacing.

    def replaced(self, node: Any, new: str) -> str:
        """The text with `new` where `node` stands."""
        return self.text[: node.start_mark.index] + new + self.text[self.end(node) :]

    def put_inline(self, mapping: Any, pair: tuple[Any, Any] | None, name: str, value: Any) -> str:
        """Between braces."""
        if pair is not None:
            return self.replaced(pair[1], layout.inline(value, quoted=name in layout.QUOTED))
        new = f"{layout.scalar(name, bracketed=True)}: {layout.inline(value)}"
        if not mapping.value:
            return self.replaced(mapping, f"{{{new}}}")
        at = self.end(mapping.value[-1][1])
        return f"{self.text[:at]}, {new}{self.text[at:]}"

    def put_lines(
        self, mapping: Any, pair: tuple[Any, Any] | None, name: str, value: Any, *, apart: bool
    ) -> str:
        """On lines of its own; `apart`: with a blank line before it, where its neighbours have one."""
        first = mapping.value[0][0]
        column = first.start_mark.column
        new = layout.block(name, value, column)
        if pair is not None and "\n" not in new and _one_line(pair):
            return self.replaced(pair[1], new.partition(": ")[2])  # and keep the line's comment
        if pair is not None:
            start = self.line_start(pair[0].start_mark.index)
            return self.text[:start] + new + self.text[self.block_end(pair[1], column) :]
        end = self.block_end(mapping.value[-1][1], column)
        gap = "\n\n" if apart and self._spaced(mapping) else "\n"
        return self.text[:end] + gap + new + (self.text[end:] or "\n")

    def _spaced(self, mapping: Any) -> bool:
        """Whether a blank line stands between the last two of `mapping`; so for a single one."""
        if len(mapping.value) == 1:
            return True
        before, last = mapping.value[-2:]
        return "\n\n" in self.text[self.end(before[1]) : last[0].start_mark.index]

    def filled(self, node: Any, name: str, value: Any, indent: int) -> str:
        """The text with the empty ``{}`` of `node` made a block that holds `name`."""
        start, end = node.start_mark.index, self.end(node)
        stop = self.line_end(end)
        comment = self.text[end:stop].strip()
        head = self.text[:start].rstrip(" ") + (f"  {comment}" if comment else "")
        return head + "\n" + layout.block(name, value, indent) + (self.text[stop:] or "\n")

    # Removing.

    def without(self, key: Key) -> str:
        """The text without the pair at `key`."""
        mapping = self.mapping(key[:-1])
        found = self.existing(key)
        index = next(n for n, pair in enumerate(mapping.value) if pair[0] is found[0])
        if len(mapping.value) == 1:
            return self._emptied(key, mapping, found)
        if mapping.flow_style:
            start, end = self._between_braces(mapping, index)
            return self.text[:start] + self.text[end:]
        start, end = self._lines(found, mapping.value[index - 1][1] if index else None)
        return self.text[:start] + self.text[end:]

    def _lines(self, pair: tuple[Any, Any], before: Any | None) -> tuple[int, int]:
        """What to cut for `pair` of a block: its comment, its lines, one of the gaps around it."""
        start, column = self.line_start(pair[0].start_mark.index), pair[0].start_mark.column
        floor = 0 if before is None else self.line_end(self.end(before)) + 1
        start = self._with_comment(start, floor, column)
        end = min(len(self.text), self.block_end(pair[1], column) + 1)
        if before is None:  # the gap below goes with the first
            while end < len(self.text) and not self.text[end : self.line_end(end)].strip():
                end = self.line_end(end) + 1
        else:
            while start > floor and not self.text[self.line_start(start - 1) : start - 1].strip():
                start = self.line_start(start - 1)
        return start, end

    def _with_comment(self, start: int, floor: int, column: int) -> int:
        """Where the comment begins that stands right above the line at `start`; not above `floor`."""
        while start > floor:
            above = self.line_start(start - 1)
            line = self.text[above : start - 1]
            if above < floor or not (line.lstrip().startswith("#") and _indent(line) == column):
                break
            start = above
        return start

    def _between_braces(self, mapping: Any, index: int) -> tuple[int, int]:
        """What to cut for a pair of a mapping in braces, with its comments and nobody else's."""
        pairs, (key, value) = mapping.value, mapping.value[index]
        start, end, last = key.start_mark.index, self.end(value), index + 1 == len(pairs)
        before = self.end(pairs[index - 1][1]) if index else mapping.start_mark.index + 1
        after = mapping.end_mark.index - 1 if last else pairs[index + 1][0].start_mark.index
        if "\n" not in self.text[before:start] + self.text[end:after]:
            return (before, end) if last else (start, after)
        comma = re.compile(r"\s*,[ \t]*").match(self.text, end)
        first = not self.text[self.line_start(start) : start].strip()
        if (comma is None and not last) or (last and not first and "#" in self.text[before:start]):
            raise CannotEdit((key.value,), "a comment stands before a comma")
        end = comma.end() if comma else end
        if self.text[end : self.line_end(end)].partition("#")[0].strip():
            return (before if last and not first else start), end  # a neighbour, or the brace, is behind it
        if not first and index:  # and before it: whose comment follows cannot be told
            return (before, end) if last else (start - 1, len(self.text[:end].rstrip()))
        end = self.line_end(end)
        if not first:
            return start, end
        floor, column = self.line_end(before) + 1, key.start_mark.column
        return self._with_comment(self.line_start(start), floor, column), end + 1

    def _emptied(self, key: Key, mapping: Any, pair: tuple[Any, Any]) -> str:
        """The text with ``{}`` in the place of a mapping's only pair."""
        if mapping.flow_style:
            return self.replaced(mapping, "{}")
        start, end = self._lines(pair, None)
        colon = self.text.index(":", self.existing(key[:-1])[0].end_mark.index)
        # A comment may stand behind the colon, and others between it and the pair.
        head, rest = self.text[colon + 1 : start].rstrip(), self.text[end:]
        return f"{self.text[: colon + 1]} {{}}{head}\n" + (f"\n{rest}" if rest.strip() else "")

    # Lists.

    def with_item(self, key: Key, value: Any) -> str:
        """The text with one more item in the list at `key`."""
        node = self.existing(key)[1]
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise CannotEdit(key, "is no list with items")
        last = node.value[-1]
        if node.flow_style:
            at = self.end(last)
            new, rest = f", {layout.inline(value)}", self.text[at:]
            # A comment behind the list keeps its column, as far as there is room.
            if behind := re.match(r" *\]( {3,})#", rest):
                gap = max(len(behind[1]) - len(new), 2)
                rest = rest[: behind.start(1)] + " " * gap + rest[behind.end(1) :]
            return self.text[:at] + new + rest
        pad = " " * node.start_mark.column
        at = self.line_end(self.end(last))
        return f"{self.text[:at]}\n{pad}- {layout.inline(value, bracketed=False)}{self.text[at:]}"


def _one_line(pair: tuple[Any, Any]) -> bool:
    """Whether a key and its scalar stand on one line."""
    key, value = pair
    same = key.start_mark.line == value.end_mark.line
    return same and isinstance(value, yaml.ScalarNode) and value.style not in ("|", ">")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
