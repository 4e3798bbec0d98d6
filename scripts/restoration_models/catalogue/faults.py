"""What the types refuse, in the words of the catalogue and at the key a person looks for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from restoration_models.catalogue.places import MOST, Document, Key
from restoration_models.catalogue.scalars import QUOTE
from restoration_models.catalogue.schema import FORMS
from restoration_models.credentials import shown

M = TypeVar("M", bound=BaseModel)

_SHOWN = 60
_NOT_A = {
    "model_type": "must map keys to values",
    "model_attributes_type": "must map keys to values",
    "dict_type": "must map keys to values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def parse(kind: type[M], document: Document, key: Key, data: Any) -> M | None:
    """`data`, which stands at `key`, as `kind`; or None with its faults noted in `document`."""
    try:
        return kind.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        for fault in islice(error.errors(include_url=False), MOST + 1):
            _note(document, key, fault, kind)
        return None


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return close[0] if close else None


def short(value: Any) -> str:
    """`value` as messages show it."""
    text = repr(shown(value) if isinstance(value, str) and "://" in value else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _note(document: Document, top: Key, fault: Mapping[str, Any], kind: type[BaseModel]) -> None:
    kind_of_fault, value = fault["type"], fault["input"]
    key = _place(document, top, fault["loc"])
    if key in document.unread:
        return  # noted when the file was read
    if kind_of_fault == "too_short" and value:
        return  # its items have faults of their own, and do not count
    remedy = ""
    if kind_of_fault == "missing":
        what, remedy = f"the field {fault['loc'][-1]!r} is missing", "state it"
    elif kind_of_fault == "extra_forbidden":
        what = f"unknown key {short(key[-1])}"
        close = suggest(str(key[-1]), _fields(kind, key[len(top) : -1]))
        remedy = f"did you mean {close!r}?" if close else "remove it"
    elif kind_of_fault == "string_pattern_mismatch":
        what = f"{short(value)}: must be {FORMS[fault['ctx']['pattern']]}"
    elif kind_of_fault in ("literal_error", "enum"):
        choices = re.findall("'([^']*)'", fault["ctx"]["expected"])
        what = f"{short(value)}: must be {'one of ' if choices[1:] else ''}{', '.join(choices)}"
        close = suggest(str(value), choices)
        remedy = f"did you mean {close!r}?" if close else ""
    elif kind_of_fault == "string_too_long":
        what = f"is longer than {fault['ctx']['max_length']} characters"
    else:
        said = _NOT_A.get(kind_of_fault) or fault["msg"]
        said = said.removeprefix("Value error, ").removeprefix("Input should be ")
        what = f"{short(value)}: {said if said.startswith('must') else f'must be {said}'}"
        if kind_of_fault == "string_type" and isinstance(value, bool | int | float):
            remedy = QUOTE
        elif kind_of_fault in ("int_type", "float_type") and isinstance(value, str):
            remedy = "write it without quotes" if value.replace(".", "", 1).isdecimal() else ""
    document.problem(key, what, remedy)


def _place(document: Document, top: Key, location: tuple[str | int, ...]) -> Key:
    """The key of the file that pydantic's `location` means.

    A location also holds names of a union's members, which are no keys of the file, and ends
    in the field itself where that is missing.
    """
    key = top
    for part in location:
        if (*key, part) in document.lines:
            key = (*key, part)
    return key


def _fields(kind: type[BaseModel], key: Key) -> list[str]:
    """The keys that the mapping at `key` inside a `kind` may have."""
    kinds = [kind]
    for part in key:
        if isinstance(part, int):
            continue  # a list's items have the list's types
        annotations = [
            field.annotation
            for each in kinds
            for name, field in each.model_fields.items()
            if (field.alias or name) == part
        ]
        if annotations:  # else the key of a mapping such as `families`
            kinds = [found for annotation in annotations for found in _models_in(annotation)]
    return [field.alias or name for each in kinds for name, field in each.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
