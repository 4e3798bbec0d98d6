"""What else a branch changes: the catalogue's head and layers, DVC's steering, other files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from restoration_models.cards.markdown import Markdown, one_line
from restoration_models.check import secrets
from restoration_models.check.own import SECRET_KEYS
from restoration_models.project import CATALOGUE_FILE
from restoration_models.review.fields import Field, differences, value
from restoration_models.review.sides import Side
from restoration_models.review.texts import Texts

# A path may hold any character, line ends too.
STEERING = re.compile(
    r"\.dvc/[^/]+|(.*/)?dvc\.yaml|(.*/)?[^/]+\.dvc|(.*/)?\.(dvcignore|gitignore|gitattributes)"
    r"|\.github/workflows/.*|\.gitmodules",
    re.DOTALL,
)
WORKFLOW = re.compile(r"\.github/workflows/.*", re.DOTALL)
MODELS = re.compile(r"params\.yaml|dvc\.lock|schemas/.*|layers/.*", re.DOTALL)
CODE = re.compile(r"scripts/.*|\.github/.*|\.ci/.*|Makefile|pyproject\.toml|requirements\.lock", re.DOTALL)
LONGEST_LINE = 200
LINES = 30
"""Of a difference that is shortened."""
_SETTINGS = re.compile(r"\.dvc/config|\.dvcignore|(layers/[^/]+/)?dvc\.yaml|\.github/workflows/.*", re.DOTALL)
"""What every machine obeys that has the branch."""
_SAYS_NOTHING = re.compile(r"[-+ ]\s*(#.*)?")


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
    if any(one.catalogue is None and CATALOGUE_FILE in one.tree.files for one in (base, head)):
        return {}  # what cannot be read did not go
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


def importance(base: Side, path: str) -> tuple[bool, bool, str]:
    """What sorts the files that steer: the project's own settings first, and known files before new ones."""
    return not _SETTINGS.fullmatch(path), path not in base.tree.files, path


def difference(base: Side, head: Side, path: str, t: Texts, *, brief: bool = False) -> Markdown:
    """The difference of a text file, as a block of code; lines that look like credentials are withheld.

    In `brief`, only the lines that differ, without remarks, and of many those that set what was set before.
    """
    old, new = ([_line(line, t) for line in side.text(path).splitlines()] for side in (base, head))
    lines = list(
        difflib.unified_diff(old, new, f"a/{one_line(path)}", f"b/{one_line(path)}", lineterm="", n=2)
    )
    if brief:
        changed = [line for line in lines[2:] if line[:1] in "-+" and not _SAYS_NOTHING.fullmatch(line)]
        if len(changed) > LINES:  # many new lines must not hide that a known one changed
            known = {_key(line) for line in changed if line[0] == "-"}
            changed.sort(key=lambda line: line[0] == "+" and _key(line) not in known)
        rest = len(changed) - LINES
        lines = lines[:2] + changed[:LINES] + ([f"# {t('more', count=rest)}"] if rest > 0 else [])
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown("\n".join([f"{fence}diff", *lines, fence]))


def _key(line: str) -> str:
    """What a line of a difference sets."""
    return re.split("[=:]", line[1:], maxsplit=1)[0].strip()


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
