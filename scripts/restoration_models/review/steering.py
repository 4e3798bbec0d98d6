"""What else a branch changes: the catalogue's head and layers, DVC's steering, other files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from restoration_models.cards.markdown import Markdown, one_line
from restoration_models.check import secrets
from restoration_models.check.own import SECRET_KEYS
from restoration_models.review.fields import Field, differences, value
from restoration_models.review.sides import Side
from restoration_models.review.texts import Texts

STEERING = re.compile(
    r"\.dvc/[^/]+|(.*/)?dvc\.yaml|(.*/)?[^/]+\.dvc|(.*/)?\.(dvcignore|gitignore|gitattributes)"
)
MODELS = re.compile(r"params\.yaml|dvc\.lock|schemas/.*|layers/.*")
CODE = re.compile(r"scripts/.*|\.github/.*|\.ci/.*|Makefile|pyproject\.toml|requirements\.lock")
LONGEST_LINE = 200


def changed_files(base: Side, head: Side) -> list[str]:
    """Every path that differs between the two commits."""
    before, after = base.tree.files, head.tree.files
    return [
        path
        for path in sorted(before.keys() | after.keys())
        if path not in before or path not in after or before[path].oid != after[path].oid
    ]


def families(base: Side, head: Side) -> dict[str, list[Field]]:
    """The fields of every family that differ."""
    before = base.catalogue.families if base.catalogue else {}
    after = head.catalogue.families if head.catalogue else {}
    found = {name: [*differences(before.get(name), after.get(name))] for name in [*after, *before]}
    return {name: changed for name, changed in found.items() if changed}


def head_fields(base: Side, head: Side) -> list[Field]:
    """Protocol, language and order of the layers, where they differ."""
    if base.catalogue is None or head.catalogue is None:
        return []
    sides = [
        {
            "validation.protocol": one.protocol,
            "language": one.language,
            "layers": tuple(layer.slug for layer in one.layers),
        }
        for one in (base.catalogue, head.catalogue)
    ]
    return [
        Field(name, value(sides[0][name]), value(sides[1][name]))
        for name in sides[0]
        if sides[0][name] != sides[1][name]
    ]


def layer_fields(base: Side, head: Side) -> list[tuple[str, Field]]:
    """Title, purpose and published prefix of every layer, where they differ."""
    before = {layer.slug: layer for layer in base.catalogue.layers} if base.catalogue else {}
    after = {layer.slug: layer for layer in head.catalogue.layers} if head.catalogue else {}
    return [
        (slug, Field(name, value(getattr(before[slug], name)), value(getattr(after[slug], name))))
        for slug in after
        if slug in before
        for name in ("title", "purpose", "publish")
        if getattr(before[slug], name) != getattr(after[slug], name)
    ]


def difference(base: Side, head: Side, path: str, t: Texts) -> Markdown:
    """The difference of a text file, as a block of code; lines that look like credentials are withheld."""
    old, new = ([_line(line, t) for line in side.text(path).splitlines()] for side in (base, head))
    lines = list(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="", n=2))
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown("\n".join([f"{fence}diff", *lines, fence]))


def _line(text: str, t: Texts) -> str:
    key = text.partition("=")[0].strip()
    if key in SECRET_KEYS or secrets.find(text):
        return f"# {t('steering.withheld')}"
    indent = text[: len(text) - len(text.lstrip(" "))]
    flat = indent + one_line(text)
    return flat if len(flat) <= LONGEST_LINE else f"{flat[: LONGEST_LINE - 1]}…"


def others(paths: list[str]) -> Iterator[str]:
    """The paths that are neither models' files nor DVC's steering."""
    return (path for path in paths if not MODELS.fullmatch(path) and not STEERING.fullmatch(path))
