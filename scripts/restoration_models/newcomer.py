"""A checkpoint on its way into the catalogue: what is asked for it, checked, and the entry that follows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from restoration_models import sources
from restoration_models.catalogue import UnknownLayer, UnknownModel
from restoration_models.catalogue.faults import suggest
from restoration_models.catalogue.rules import RESERVED_FILES, UNREGISTERED
from restoration_models.catalogue.schema import SLUG_LENGTH, WORD, Licence, is_slug
from restoration_models.credentials import shown
from restoration_models.editing import require_free, require_name
from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from restoration_models.catalogue import Catalogue, Model
    from restoration_models.project import Project
    from restoration_models.recognition import Recognised

Words = str | dict[str, str]
"""A text for both languages, or one for each."""
_NAME = re.compile(WORD)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""What an address begins with, of a known kind or not."""
_LONGEST_FILE = 150


class NotSaid(UsageProblem):
    """Something that the catalogue needs was not said."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, where="models add", remedy=remedy)


class NoSuchFile(UsageProblem):
    """The command line names a checkpoint that is not there."""

    def __init__(self, path: str) -> None:
        where = shown(path) if _SCHEME.match(path) else path
        super().__init__(
            "there is no such file", where=where, remedy="give the path of a checkpoint, or its address"
        )


class UnknownSaid(UsageProblem):
    """The command line names a layer or a base that the catalogue has not."""

    def __init__(self, cause: UnknownLayer | UnknownModel) -> None:
        super().__init__(cause.what, where=cause.where, remedy=cause.remedy)


class UnknownFamily(UsageProblem):
    """The catalogue's head has no such family."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        close = suggest(name, known)
        hint = f"did you mean {close}?" if close else f"the families are {', '.join(known) or 'none'}"
        super().__init__(
            "no family of that name", where=name, remedy=f"{hint} (a new one is declared in params.yaml)"
        )


class UnknownTask(UsageProblem):
    """The task is none of the closed vocabulary."""

    def __init__(self, name: str) -> None:
        known = [str(task) for task in Task]
        close = suggest(name, known)
        hint = f"did you mean {close}?" if close else f"the tasks are {', '.join(known)}"
        super().__init__("no task of that name", where=name, remedy=hint)


class OtherFamily(ModelProblem):
    """The weights are of another architecture than the family."""

    def __init__(self, family: str, wanted: str, found: str, fitting: Sequence[str]) -> None:
        fit = f"give --family {fitting[0]}" if fitting else f"declare a family of {found} in params.yaml"
        super().__init__(
            f"the weights are of architecture {found}, the family {family} is of {wanted}", remedy=fit
        )


class OtherBase(ModelProblem):
    """A model cannot have been fine-tuned from one of another architecture."""

    def __init__(self, base: str, theirs: str, found: str) -> None:
        super().__init__(
            f"the weights are of architecture {found}, {base} is of {theirs}: they do not come from it",
            remedy="name another model with --base, or leave it out",
        )


class AlreadyThere(ModelProblem):
    """The catalogue has these weights already."""

    def __init__(self, model: Model, how: str) -> None:
        super().__init__(
            f"these weights are in the catalogue already: {model.slug} of {model.layer} has {how}",
            remedy=f"use {model.slug}, or remove it first; `aliases:` in its entry give it further names",
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is said of a checkpoint that is to enter the catalogue; None where it is left to be found out."""

    layer: str
    family: str | None = None
    """None: the base's."""
    task: str | None = None
    """None: the base's."""
    name: str | None = None
    """A slug, or a name for people from which one is made."""
    title: Words | None = None
    description: Words | None = None
    base: str | None = None
    licence: str | None = None
    """SPDX identifier."""
    commercial_use: str | None = None
    licence_note: Words | None = None
    sources: tuple[str, ...] = ()
    architecture: str | None = None
    training_data: str | None = None
    min_gain_db: float | None = None
    wrapper_key: str | None = None
    allow_globals: tuple[str, ...] = ()
    file: str | None = None
    """The checkpoint's name in the repository."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What follows from a `Wanted` and the catalogue, before the checkpoint was looked at."""

    slug: str
    family: str
    task: Task
    title: Words | None
    file: str
    licence: dict[str, Any] | None
    """None: the family's."""
    sources: tuple[str, ...]
    registered: bool
    """Whether the network is to be recognised."""
    notes: tuple[str, ...]


def decide(project: Project, catalogue: Catalogue, wanted: Wanted, file: str, address: str | None) -> Decided:
    """Check what is wanted for a checkpoint called `file`; `address` is where it comes from, if from afar.

    Raises `UnknownSaid` (layer or base), `UnknownFamily`, `UnknownTask`, `NotSaid`, `BadName`,
    `NameTaken`, `SourceProblem`.
    """
    try:
        layer = catalogue.layer(wanted.layer)
        base = catalogue.model(wanted.base) if wanted.base else None
    except (UnknownLayer, UnknownModel) as error:
        raise UnknownSaid(error) from error
    family = wanted.family or (base.family if base else None)
    task = wanted.task or (str(base.task) if base else None)
    if family is None or task is None:
        option = "--family" if family is None else "--task"
        raise NotSaid(f"{option} is missing", "give it, or the --base that it is taken from")
    if family not in catalogue.families:
        raise UnknownFamily(family, list(catalogue.families))
    if task not in [str(one) for one in Task]:
        raise UnknownTask(task)
    slug, title = _names(wanted, family, file)
    require_name(slug)
    require_free(project, catalogue, layer.slug, slug, "--name")
    licence, notes = _licence(catalogue, wanted, family, base)
    if base is not None and base.withdrawn:
        notes = (*notes, f"{base.slug}, which it comes from, is withdrawn")
    given = [sources.parse(one).address for one in ([address] if address else []) + list(wanted.sources)]
    name, said = _file_name(catalogue, wanted, layer.publish, family, slug, file)
    return Decided(
        slug=slug,
        family=family,
        task=Task(task),
        title=wanted.title or title,
        file=name,
        licence=licence,
        sources=tuple(dict.fromkeys(given)),
        registered=UNREGISTERED not in (wanted.architecture, catalogue.families[family].architecture),
        notes=(*notes, *said),
    )


def namesake(catalogue: Catalogue, wanted: Wanted, file: str) -> Model | None:
    """The model of the wanted layer that has the very name that a checkpoint called `file` would get."""
    models = {model.slug: model for model in catalogue.models}
    base = models.get(wanted.base or "")
    family = wanted.family or (base.family if base else None)
    if family is None or not (wanted.name or slug_of(PurePosixPath(file).stem)):
        return None
    found = models.get(_names(wanted, family, file)[0])
    return found if found is not None and found.layer == wanted.layer else None


def compare(catalogue: Catalogue, wanted: Wanted, decided: Decided, found: Recognised) -> None:
    """Hold what was found in the checkpoint against what was said of it.

    Raises `OtherFamily`, `OtherBase`.
    """
    if not decided.registered:
        return
    families = catalogue.families
    theirs = families[decided.family].architecture
    said = wanted.architecture or theirs
    if found.architecture != theirs or found.architecture != said:
        fitting = [name for name, family in families.items() if family.architecture == found.architecture]
        raise OtherFamily(decided.family, said, found.architecture, fitting)
    base = catalogue.model(wanted.base) if wanted.base else None
    if base and base.expects.architecture not in (UNREGISTERED, found.architecture):
        raise OtherBase(base.slug, base.expects.architecture, found.architecture)


def entry(wanted: Wanted, decided: Decided, found: Recognised) -> dict[str, Any]:
    """The catalogue's entry, in the order in which its fields are written."""
    expects = {
        "architecture": found.architecture,
        "wrapper-key": found.wrapper_key,
        "input-channels": found.input_channels,
        "min-gain-db": wanted.min_gain_db,
        "allow-globals": list(wanted.allow_globals) or None,
    }
    fields: dict[str, Any] = {
        "family": decided.family,
        "task": str(decided.task),
        "title": decided.title,
        "description": wanted.description,
        "file": decided.file,
        "size": found.size,
        "sha256": found.sha256,
        "md5": found.md5,
        "confidence": "computed",
        "sources": list(decided.sources) or None,
        "origin": None if decided.sources else "local",
        "base": wanted.base,
        "expects": {key: value for key, value in expects.items() if value is not None},
        "parameters": found.parameters,
        "tensors": found.tensors,
        "training-data": wanted.training_data,
        "licence": decided.licence,
    }
    return {key: value for key, value in fields.items() if value is not None}


def file_name(address: str) -> str:
    """What the file at `address` is called; empty where the address does not say."""
    if address.startswith(("pypi:", "file:")):
        return PurePosixPath(unquote(address)).name
    parts = urlsplit(address)
    name = PurePosixPath(unquote(parts.path)).name
    return name if "." in name else ""


def slug_of(text: str) -> str:
    """`text` in kebab-case, as far as that goes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].strip("-")


def _names(wanted: Wanted, family: str, file: str) -> tuple[str, str | None]:
    """The slug, and the title where a name for people was given."""
    if wanted.name is not None:
        if is_slug(wanted.name):
            return wanted.name, None
        slug = slug_of(wanted.name)
        if not is_slug(slug) or wanted.name == wanted.name.lower().replace(" ", ""):
            return wanted.name, None  # meant as a slug: its fault will be told
        return slug, wanted.name
    stem = slug_of(PurePosixPath(file).stem)
    if not stem:
        raise NotSaid("the model has no name", "give one with --name")
    slug = stem if stem == family or stem.startswith(f"{family}-") else f"{family}-{stem}"
    return slug[:SLUG_LENGTH].strip("-"), None


def _licence(
    catalogue: Catalogue, wanted: Wanted, family: str, base: Model | None
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The entry's own licence, None where the family's holds; and what is to be said about it."""
    theirs = base.licence if base else None
    if wanted.licence is None:
        if wanted.commercial_use or wanted.licence_note:
            raise NotSaid("a licence's terms were given without it", "name it with --licence")
        if theirs is None and catalogue.families[family].licence is None:
            what = f"no licence is stated, and the family {family} has none"
            raise NotSaid(what, "give --licence SPDX and --commercial-use (NOASSERTION where none is known)")
        # Weights fine-tuned from others stay under their terms.
        return (_as_entry(theirs) if theirs else None), ()
    own: dict[str, Any] = {"spdx": wanted.licence, "commercial-use": wanted.commercial_use or "unclear"}
    if wanted.licence_note:
        own["note"] = wanted.licence_note
    before = (catalogue.licence(base) if base else None) or catalogue.families[family].licence
    notes: tuple[str, ...] = ()
    if before and before.commercial_use != "yes" and own["commercial-use"] == "yes":
        whose = base.slug if base else f"the family {family}"
        said = {"no": "forbids commercial use", "unclear": "does not clearly allow commercial use"}
        words = f"{before.spdx}, the licence of {whose}, {said[before.commercial_use]}; this entry allows it"
        notes = (words,)
    return own, notes


def _as_entry(licence: Licence) -> dict[str, Any]:
    return licence.model_dump(mode="json", by_alias=True, exclude_none=True)


def _file_name(
    catalogue: Catalogue, wanted: Wanted, publish: str, family: str, slug: str, file: str
) -> tuple[str, tuple[str, ...]]:
    """The checkpoint's name here, and what is to be said about it."""
    if wanted.file is not None:
        return wanted.file, ()  # what is wrong with it, the catalogue's rules tell
    published = {
        name: model.slug
        for model in catalogue.models
        for name in (catalogue.published_name(model), *model.aliases)
    }
    usable = _NAME.fullmatch(file) and len(file) <= _LONGEST_FILE and file.lower() not in RESERVED_FILES
    taken = published.get(f"{publish}/{family}/{file}")
    if usable and taken is None:
        return file, ()
    suffix = PurePosixPath(file).suffix
    name = slug + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,12}", suffix) else ".pth")
    why = f"{taken} is published as {file}" if taken else "its own name cannot be published"
    return name, (f"the file is called {name} here: {why}",) if file else ()
