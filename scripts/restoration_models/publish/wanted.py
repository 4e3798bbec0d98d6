"""What a checkout publishes: every object with its bytes or where they are, and the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from restoration_models import lock, manifest
from restoration_models.cards.render import render_all
from restoration_models.catalogue import Catalogue, LoadedLayer, Model, Translated, say
from restoration_models.catalogue import Words as CatalogueWords
from restoration_models.errors import ModelProblem, Problem, ProblemsFound
from restoration_models.lock import LockedModel, Reason, Standing
from restoration_models.project import Project
from restoration_models.publish import pages
from restoration_models.report import Report
from restoration_models.site import PAGE
from restoration_models.site import make as make_site

MARKDOWN = "text/markdown; charset=utf-8"
CHECKPOINT = "application/octet-stream"
SITE = "site/"
"""Where the catalogue page is, beside the manifest; no published name can begin so."""
SITE_PAGE = f"{SITE}{PAGE}"
"""What readers open: it names the pictures beside it."""
SITE_TYPES = {"html": "text/html; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}


class NothingToPublish(ModelProblem):
    """No model of the catalogue has come far enough."""

    def __init__(self) -> None:
        super().__init__(
            "no model is locked and validated",
            remedy="run `models refresh`, commit what it wrote, then publish",
        )


class Kind(StrEnum):
    """What a published object is."""

    CHECKPOINT = "checkpoint"
    ALIAS = "alias"
    CARD = "card"
    PICTURE = "picture"
    REPORT = "report"
    LAYER_CARD = "layer-card"
    SITE = "site"
    """The catalogue page, or one of its pictures."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object that is to be there."""

    key: str
    kind: Kind
    sha256: str
    size: int
    content_type: str
    metadata: Mapping[str, str]
    """The user metadata, ASCII; its ``sha256`` says what the bytes are."""
    content: bytes | None = field(default=None, repr=False)
    """None for a checkpoint, which the server copies from DVC's object."""
    md5: str | None = None
    """Of a checkpoint: DVC's address of it."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model of the catalogue that is not published, and why."""

    slug: str
    why: str
    """How far it has come, in the words of ``models list``, and what it lacks."""


_LACKS = {
    Reason.NEVER_RUN: "",
    Reason.OTHER_FILE: "another file of it is locked",
    Reason.NOT_VALIDATED: "not validated",
    Reason.OTHER_PROTOCOL: "validated by another protocol",
    Reason.CHANGED: "changed since it was validated",
    Reason.NO_EVIDENCE: "its report is missing or not the locked one",
}


@dataclass(frozen=True, slots=True)
class Edition:
    """All that one commit publishes."""

    commit: str
    dirty: bool
    catalogue: Catalogue
    models: tuple[tuple[Model, LockedModel, Report], ...]
    items: Mapping[str, Item]
    """By key, in the order of the manifest."""
    names: Mapping[str, str]
    """Published name of each file of the repository that is published."""
    left_out: tuple[LeftOut, ...]

    def manifest(self, versions: Mapping[str, str]) -> manifest.Manifest:
        """The manifest of this edition, given the version of every key of `items`."""
        objects = {
            key: manifest.Object(key=key, version_id=versions[key], size=item.size, sha256=item.sha256)
            for key, item in self.items.items()
            if item.kind is not Kind.SITE  # which the manifest does not name
        }
        layers = tuple(
            manifest.Layer(
                slug=layer.slug,
                title=_words(layer.title),
                purpose=_words(layer.purpose),
                card=objects[layer_card_name(layer)],
                models=tuple(model.slug for model, _, _ in self.models if model.layer == layer.slug),
            )
            for layer in self.catalogue.layers
        )
        return manifest.Manifest(
            commit=self.commit,
            dirty=self.dirty,
            protocol=self.catalogue.protocol,
            layers=layers,
            models=tuple(_entry(self.catalogue, *found, objects) for found in self.models),
            withdrawn={
                model.slug: _words(model.withdrawn) for model in self.catalogue.models if model.withdrawn
            },
        )


def edition(project: Project, catalogue: Catalogue, commit: str, *, dirty: bool = False) -> Edition:
    """What `project` publishes: every model that is locked, validated and not withdrawn.

    Raises `NothingToPublish`, `LockUnreadable`, and `ProblemsFound` for pictures that are not the
    locked ones and for names that stand in each other's way.
    """
    models: list[tuple[Model, LockedModel, Report]] = []
    left_out: list[LeftOut] = []
    problems: list[Problem] = []
    standings: dict[str, Standing] = {}
    for layer in catalogue.layers:
        standings |= lock.standings(project, catalogue, layer.slug)
    for model in catalogue.models:
        standing = standings[model.slug]
        if model.withdrawn:
            left_out.append(LeftOut(model.slug, "withdrawn"))
        elif standing.locked is None or standing.report is None:
            lacks = _LACKS[standing.reason] if standing.reason else ""
            left_out.append(LeftOut(model.slug, ", ".join(filter(None, (standing.state, lacks)))))
        else:
            models.append((model, standing.locked, standing.report))
    if not models and not any(model.withdrawn for model in catalogue.models):
        raise NothingToPublish
    names = _names(project, catalogue, models)
    items: dict[str, Item] = {}
    for item, source in _items(project, catalogue, models, names, problems):
        if clash := _clash(item.key, items):
            problems.append(Problem(source, 0, item.key, f"is published already as {clash}", "rename one"))
        items[item.key] = item
    if problems:
        raise ProblemsFound(problems)
    return Edition(
        commit,
        dirty,
        catalogue,
        tuple(models),
        MappingProxyType(items),
        MappingProxyType(names),
        tuple(left_out),
    )


def folder_name(catalogue: Catalogue, model: Model) -> str:
    """The published folder of a model's card: beside its checkpoint, named by its slug.

    The models of a family share the checkpoint's own folder.
    """
    return f"{catalogue.published_name(model).rpartition('/')[0]}/{model.slug}"


def layer_card_name(layer: LoadedLayer) -> str:
    """The published name of a layer's README."""
    return f"{layer.publish}/README.md"


def _names(
    project: Project, catalogue: Catalogue, models: list[tuple[Model, LockedModel, Report]]
) -> dict[str, str]:
    names = {
        project.relative(project.layer_card(layer.slug)): layer_card_name(layer) for layer in catalogue.layers
    }
    for model, _, _ in models:
        folder = folder_name(catalogue, model)
        checkpoint = project.checkpoint(model.layer, model.slug, model.file)
        names |= {
            project.relative(checkpoint): catalogue.published_name(model),
            project.relative(project.card(model.layer, model.slug)): f"{folder}/README.md",
            project.relative(project.picture(model.layer, model.slug)): f"{folder}/sample.png",
            project.relative(project.report(model.layer, model.slug)): f"{folder}/report.json",
        }
    return names


def _items(
    project: Project,
    catalogue: Catalogue,
    models: list[tuple[Model, LockedModel, Report]],
    names: Mapping[str, str],
    problems: list[Problem],
) -> Iterator[tuple[Item, str]]:
    """Every object, with the file of the repository that it comes from."""
    texts = {
        project.relative(path): text
        for layer in catalogue.layers
        for path, text in render_all(project, catalogue, layer.slug).items()
    }
    for layer in catalogue.layers:
        path = project.relative(project.layer_card(layer.slug))
        content = pages.published(texts[path], path, names).encode()
        metadata = {"layer": layer.slug}
        yield _small(names[path], Kind.LAYER_CARD, content, MARKDOWN, metadata), path
    for model, locked, _ in models:
        yield from _checkpoints(project, catalogue, model, locked)
        about = {"model": model.slug, "layer": model.layer}
        path = project.relative(project.card(model.layer, model.slug))
        content = pages.published(texts[path], path, names).encode()
        yield _small(names[path], Kind.CARD, content, MARKDOWN, about), path
        path = project.relative(project.report(model.layer, model.slug))
        evidence = (project.root / path).read_bytes()
        yield _small(names[path], Kind.REPORT, evidence, "application/json", about), path
        path = project.relative(project.picture(model.layer, model.slug))
        picture = _picture(project, path, locked, problems)
        yield _small(names[path], Kind.PICTURE, picture, "image/png", about), path
    for name, content in make_site(project, catalogue).items():
        kind_of_file = SITE_TYPES[name.rpartition(".")[2]]
        yield _small(f"{SITE}{name}", Kind.SITE, content, kind_of_file, {}), f"the catalogue page ({name})"


def _checkpoints(
    project: Project, catalogue: Catalogue, model: Model, locked: LockedModel
) -> Iterator[tuple[Item, str]]:
    metadata = {
        "sha256": model.sha256,
        "model": model.slug,
        "layer": model.layer,
        "task": str(model.task),
        "architecture": model.expects.architecture,
        "licence": catalogue.licence(model).spdx,
    }
    source = project.relative(project.layer_catalogue(model.layer))
    named = [(catalogue.published_name(model), Kind.CHECKPOINT)]
    for key, kind in named + [(alias, Kind.ALIAS) for alias in model.aliases]:
        own = MappingProxyType({**metadata, "kind": str(kind)})
        yield Item(key, kind, model.sha256, locked.size, CHECKPOINT, own, md5=locked.md5), source


def _small(key: str, kind: Kind, content: bytes, content_type: str, about: Mapping[str, str]) -> Item:
    sha256 = hashlib.sha256(content).hexdigest()
    metadata = MappingProxyType({"sha256": sha256, "kind": str(kind), **about})
    return Item(key, kind, sha256, len(content), content_type, metadata, content)


def _picture(project: Project, path: str, locked: LockedModel, problems: list[Problem]) -> bytes:
    """The picture that the lock names; another one, or none, is a problem."""
    remedy = "restore it with git checkout, or validate the model again"
    try:
        content = (project.root / path).read_bytes()
    except FileNotFoundError:
        problems.append(Problem(path, 0, "", "the picture is missing", remedy))
        return b""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if locked.validated is None or md5 != locked.validated.picture_md5:
        problems.append(Problem(path, 0, "", "the picture is not the one that was locked", remedy))
    return content


def _clash(key: str, items: Mapping[str, Item]) -> str | None:
    """The name that `key` cannot stand beside: itself, or one that would be both file and folder."""
    for other in items:
        if other == key or other.startswith(f"{key}/") or key.startswith(f"{other}/"):
            return other
    return None


def _words(words: CatalogueWords) -> manifest.Words:
    return manifest.Words(es=say(words, "es"), en=say(words, "en"))


def _maybe(words: str | Translated | None) -> manifest.Words | None:
    return None if words is None else _words(words)


def _entry(
    catalogue: Catalogue,
    model: Model,
    locked: LockedModel,
    report: Report,
    objects: Mapping[str, manifest.Object],
) -> manifest.Model:
    family, licence, contract = (
        catalogue.family(model),
        catalogue.licence(model),
        catalogue.family(model).input,
    )
    folder = folder_name(catalogue, model)
    measured = report.measured
    return manifest.Model(
        slug=model.slug,
        layer=model.layer,
        task=model.task,
        family=model.family,
        architecture=report.architecture,
        title=_maybe(model.title),
        description=_maybe(model.description),
        file=model.file,
        size=locked.size,
        sha256=model.sha256,
        md5=locked.md5,
        fingerprint=report.fingerprint,
        object=objects[catalogue.published_name(model)],
        aliases=tuple(objects[alias] for alias in model.aliases),
        card=objects[f"{folder}/README.md"],
        picture=objects[f"{folder}/sample.png"],
        report=objects[f"{folder}/report.json"],
        input=manifest.Input(
            channels=model.expects.input_channels or report.input_channels,
            output_channels=report.output_channels,
            scale=report.scale,
            size_multiple=(contract.size_multiple if contract else None) or report.size_multiple,
            layout=_words(contract.layout) if contract else None,
            padding=_maybe(contract.padding) if contract else None,
            output=_words(contract.output) if contract else None,
            notes=tuple(_words(note) for note in contract.notes) if contract else (),
        ),
        format=manifest.Format(
            container=report.scan.container,
            wrapper_key=report.wrapper_key,
            key_prefix=report.key_prefix,
            allow_globals=model.expects.allow_globals,
        ),
        licence=manifest.Licence(
            spdx=licence.spdx,
            commercial_use=licence.commercial_use,
            note=_maybe(licence.note),
            source=licence.source,
        ),
        measured=manifest.Measured.model_validate(measured.model_dump()) if measured else None,
        not_measured=report.not_measured,
        reported=tuple(manifest.Reported.model_validate(each.model_dump()) for each in model.metrics),
        parameters=report.parameters or model.parameters,
        hyperparameters={**family.hyperparameters, **model.hyperparameters},
        head=family.head,
        training_data=model.training_data,
        base=model.base,
        upstream=family.upstream,
    )
