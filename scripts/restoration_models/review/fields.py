"""Fields of the catalogue before and after, whatever their type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from restoration_models.cards.figures import MINUS, number
from restoration_models.cards.markdown import Markdown, join
from restoration_models.catalogue import Translated
from restoration_models.review.texts import shown

GONE, NEW = "\N{HEAVY MINUS SIGN} ", "\N{HEAVY PLUS SIGN} "
ITEMS = 8
"""Of a list; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs."""

    name: str
    before: Markdown
    after: Markdown


def differences(
    before: BaseModel | None, after: BaseModel | None, *, leave: frozenset[str] = frozenset()
) -> Iterator[Field]:
    """The fields in which two entries differ, by their names in the catalogue, without those of `leave`."""
    either = before or after
    for name, about in type(either).model_fields.items() if either else ():
        if name in leave:
            continue
        old, new = getattr(before, name, None), getattr(after, name, None)
        if old == new or (not old and not new):
            continue
        label = about.alias or name
        if isinstance(old, Translated) and isinstance(new, Translated):
            for language in ("es", "en"):
                one, other = getattr(old, language), getattr(new, language)
                if one != other:
                    yield Field(f"{label}.{language}", shown(one), shown(other))
        elif isinstance(old, BaseModel) and isinstance(new, BaseModel):
            for field in differences(old, new):
                yield Field(f"{label}.{field.name}", field.before, field.after)
        elif isinstance(old, tuple) and isinstance(new, tuple):
            yield Field(
                label,
                _items(GONE, [item for item in old if item not in new]),
                _items(NEW, [item for item in new if item not in old]),
            )
        else:
            yield Field(label, value(old), value(new))


def value(item: Any) -> Markdown:
    """One value of the catalogue as a cell."""
    if item is None or item == ():
        return Markdown("—")
    if isinstance(item, bool | str):
        return shown(item)
    if isinstance(item, int | float):
        return Markdown((number(item) if isinstance(item, float) else str(item)).replace("-", MINUS))
    if isinstance(item, tuple):
        return _items("", list(item))
    if isinstance(item, Translated):
        return join("<br>", [shown(item.es), shown(item.en)])
    return shown(json.dumps(_plain(item), ensure_ascii=False))


def _items(sign: str, items: list[Any]) -> Markdown:
    if not items:
        return Markdown("—")
    lines = [Markdown(f"{sign}{_item(item)}") for item in items[:ITEMS]]
    rest = len(items) - ITEMS
    return join("<br>", lines + ([Markdown(f"… +{rest}")] if rest > 0 else []))


def _item(item: Any) -> Markdown:
    if isinstance(item, BaseModel) and not isinstance(item, Translated):
        facts = _plain(item)
        return shown(", ".join(f"{key} {fact}" for key, fact in facts.items()))
    return value(item)


def _plain(item: Any) -> Any:
    return (
        item.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(item, BaseModel)
        else item
    )
