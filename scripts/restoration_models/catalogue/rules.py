"""Rules of the catalogue that its types cannot say.

They read the data as it stands in the files, not the typed entries, so that an entry with one
fault still shows all its others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from restoration_models.catalogue.faults import short, suggest
from restoration_models.catalogue.places import Document, Key
from restoration_models.catalogue.scalars import YAML_WORDS
from restoration_models.catalogue.schema import is_slug
from restoration_models.project import CATALOGUE_FILE

RESERVED_SLUGS = frozenset({"reports", *YAML_WORDS})
PUBLISHED_FILES = frozenset({"readme.md", "sample.png", "report.json"})
"""What is published beside the checkpoints."""
RESERVED_FILES = frozenset({"readme.md", "sample.png", "params.yaml", "dvc.yaml", "dvc.lock"})
UNREGISTERED = "unregistered"
"""The architecture of a model whose network this project does not know."""

Fault = tuple[Key, str, str]
"""Key below the entry, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A model as its file has it: any value of any type."""

    document: Document
    publish: str | None
    """Prefix of the layer's published names, where that can be told."""
    slug: str
    data: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Where the entry stands in its file."""
        return ("models", self.slug)

    def text(self, name: str) -> str | None:
        """The field `name`, where it is a text."""
        value = self.data.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> list[tuple[int, str]]:
        """The texts of the list `name`, with their places in it."""
        value = self.data.get(name)
        items = value if isinstance(value, list) else []
        return [(index, item) for index, item in enumerate(items) if isinstance(item, str)]

    def folder(self) -> str | None:
        """The published folder of the model's card."""
        family = self.text("family")
        return f"{self.publish}/{family}/{self.slug}" if self.publish and family else None

    def names(self) -> Iterator[tuple[str, Key]]:
        """The names under which the model is published, each with its key."""
        family, file = self.text("family"), self.text("file")
        if self.publish and family and file:
            yield f"{self.publish}/{family}/{file}", (*self.key, "file")
        for index, alias in self.texts("aliases"):
            yield alias, (*self.key, "aliases", index)


def check_name(slug: str) -> tuple[str, str] | None:
    """What is wrong with the name of a model, a layer or a family, and what to do."""
    if not is_slug(slug):
        what = f"{short(slug)} is not in kebab-case"
        return what, "use at most 80 lower-case letters, digits and single dashes, a letter first"
    if slug in RESERVED_SLUGS:
        return f"{slug!r} cannot be a name here", "choose another"
    return None


def check_entry(entry: RawEntry, families: Mapping[str, Any] | None) -> None:
    """Note what is wrong with one entry; `families` is None where the head cannot be read."""
    faults = [*_of_sources(entry), *_of_file(entry)]
    if families is not None:
        faults += _of_family(entry, families)
    for key, what, remedy in faults:
        place: Key = (*entry.key, *key)
        if key == () or place not in entry.document.noted:  # one word a value is enough
            entry.document.problem(place, what, remedy)


def _of_sources(entry: RawEntry) -> Iterator[Fault]:
    from restoration_models import sources

    stated = entry.data.get("sources", [])
    local = entry.data.get("origin") == "local"
    if stated == [] and not local:
        remedy = "give one under sources, or origin: local for weights that only the store has"
        yield (), "no source", remedy
    if stated and local:
        yield ("origin",), "origin: local and sources exclude each other", "remove one of them"
    seen: list[sources.Source] = []
    for index, address in entry.texts("sources"):
        try:
            source = sources.parse(address)
        except sources.SourceProblem as error:
            yield ("sources", index), error.what, error.remedy or ""
            continue
        if source in seen:
            yield ("sources", index), "the source is given twice", "keep one"
        seen.append(source)


def _of_file(entry: RawEntry) -> Iterator[Fault]:
    file = entry.text("file")
    if file and (file.lower() in RESERVED_FILES or file.lower().endswith(".dvc")):
        yield ("file",), f"{file!r} is a name that the project or DVC uses itself", "choose another"
    for name in ("sha256", "md5", "file"):
        value = entry.text(name)
        if value and (*entry.key, name) not in entry.document.quoted:
            yield (name,), "is not between quotes", f'write {name}: "{value}"'


def _of_family(entry: RawEntry, families: Mapping[str, Any]) -> Iterator[Fault]:
    name = entry.text("family")
    if name is None:
        return
    if name not in families:
        close = suggest(name, families)
        known = ", ".join(sorted(families)) or "none"
        remedy = f"did you mean {close!r}?" if close else f"declare it in {CATALOGUE_FILE}; known: {known}"
        yield ("family",), f"unknown family {short(name)}", remedy
        return
    family = families[name] if isinstance(families[name], dict) else {}
    if "licence" not in family and "licence" not in entry.data:
        yield (), "no licence is stated", "state one here or for the family"
    expects = entry.data.get("expects")
    architecture = expects.get("architecture") if isinstance(expects, dict) else None
    theirs = family.get("architecture")
    if (
        isinstance(architecture, str)
        and isinstance(theirs, str)
        and architecture not in (theirs, UNREGISTERED)
    ):
        what = f"{short(architecture)} is not the family's architecture {short(theirs)}"
        yield ("expects", "architecture"), what, f"write {theirs} or {UNREGISTERED}"


def check_together(entries: list[RawEntry]) -> None:
    """Note what only all layers together show: repeated slugs, digests and published names, unknown bases."""
    slugs: dict[str, str] = {}
    digests: dict[str, str] = {}
    names: dict[str, str] = {}
    for entry in entries:
        note, slug, digest = entry.document.problem, entry.slug, entry.text("sha256")
        if slug in slugs:
            note(entry.key, f"{slug} is also a model of {slugs[slug]}", "rename one")
        slugs.setdefault(slug, entry.document.name)
        if digest and digest in digests:
            other = digests[digest]
            what = f"{other} has the same digest"
            note((*entry.key, "sha256"), what, f"remove one; a second name is an alias of {other}")
        elif digest:
            digests[digest] = slug
        for name, key in entry.names():
            if name in names:
                note(key, f"{names[name]} is already published as {name}", "choose another name")
            names.setdefault(name, slug)
    folders = {folder: entry.slug for entry in entries if (folder := entry.folder())}
    for entry in entries:
        for name, key in entry.names():
            if name in folders:
                what = f"the card of {folders[name]} is published below that name"
                entry.document.problem(key, what, "choose another name")
            elif "aliases" in key and name.rpartition("/")[2].lower() in PUBLISHED_FILES:
                what = "is a name that cards, pictures and reports are published under"
                entry.document.problem(key, what, "choose another name")
            parent = next((other for other in _parents(name) if other in names), None)
            if parent:
                what = f"lies below {parent}, which {names[parent]} is published as"
                entry.document.problem(
                    key, what, "no store keeps an object below another: choose another name"
                )
        base = entry.text("base")
        if base is not None and (base not in slugs or base == entry.slug):
            close = suggest(base, slugs.keys() - {entry.slug})
            remedy = f"did you mean {close!r}?" if close else "name the model that it came from"
            what = f"{short(base)} is no other model of the catalogue"
            entry.document.problem((*entry.key, "base"), what, remedy)
    _check_lineage(entries)


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _check_lineage(entries: list[RawEntry]) -> None:
    """Note models that come from each other in a circle."""
    bases = {entry.slug: entry.text("base") for entry in entries}
    for entry in entries:
        seen = {entry.slug}
        base = bases[entry.slug]
        while base is not None and base in bases and base not in seen:
            seen.add(base)
            base = bases[base]
        if base == entry.slug and bases[entry.slug] != entry.slug:
            what = f"{entry.slug} would come from itself"
            entry.document.problem((*entry.key, "base"), what, "break the circle")
