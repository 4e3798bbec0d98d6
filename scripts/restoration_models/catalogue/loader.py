"""Loading the catalogue: every problem at once, each with file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from restoration_models.catalogue import faults, places, rules
from restoration_models.catalogue.schema import Entry, Family, Head, Layer, Licence, Model, Words, is_slug
from restoration_models.errors import ModelProblem, Problem, ProblemsFound
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project


class UnknownModel(ModelProblem):
    """No model of that slug is in the catalogue."""

    def __init__(self, slug: str, known: list[str]) -> None:
        close = faults.suggest(slug, known)
        hint = f"did you mean {close}?" if close else "`models list` shows them all"
        super().__init__("no model of that name in the catalogue", where=slug, remedy=hint)


class UnknownLayer(ModelProblem):
    """No layer of that name is in the catalogue."""

    def __init__(self, layer: str, known: list[str]) -> None:
        super().__init__("no layer of that name", where=layer, remedy=f"the layers are {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class LoadedLayer:
    """A layer with its models in their order."""

    slug: str
    title: Words
    purpose: Words
    publish: str
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the params files say, checked."""

    protocol: int
    language: str
    families: dict[str, Family]
    layers: tuple[LoadedLayer, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, in the order of the pipeline."""
        return tuple(model for layer in self.layers for model in layer.models)

    def model(self, slug: str) -> Model:
        """The model named `slug`; raises `UnknownModel`."""
        for model in self.models:
            if model.slug == slug:
                return model
        raise UnknownModel(slug, [model.slug for model in self.models])

    def layer(self, name: str) -> LoadedLayer:
        """The layer named `name`; raises `UnknownLayer`."""
        for layer in self.layers:
            if layer.slug == name:
                return layer
        raise UnknownLayer(name, [layer.slug for layer in self.layers])

    def family(self, model: Model) -> Family:
        """The family of `model`."""
        return self.families[model.family]

    def licence(self, model: Model) -> Licence:
        """The licence of `model`: its own, else its family's (the loader saw to one)."""
        licence = model.licence or self.family(model).licence
        assert licence is not None  # noqa: S101 - the loader refuses a model without one
        return licence

    def published_name(self, model: Model) -> str:
        """The object name under which `model` is published."""
        return published_name(self.layer(model.layer).publish, model)


def published_name(publish: str, model: Entry) -> str:
    """The object name of a model in a layer published under `publish`."""
    return f"{publish}/{model.family}/{model.file}"


def load(project: Project) -> Catalogue:
    """Load and check the catalogue of `project`; raises `ProblemsFound`."""
    catalogue, problems = examine(project)
    if catalogue is None:
        raise ProblemsFound(problems, remedy="mend the catalogue")
    return catalogue


def examine(project: Project) -> tuple[Catalogue | None, list[Problem]]:
    """The catalogue, or None and every problem found, sorted by place."""
    head_document = places.read(project.head, CATALOGUE_FILE)
    head = _parse_whole(Head, head_document)
    names = _layer_names(head_document)
    _check_families(head_document)
    _check_folders(project, names, head_document)
    families = _mapping(head_document.data, "families")
    documents = [head_document]
    layers: list[LoadedLayer | None] = []
    entries: list[rules.RawEntry] = []
    for name in names:
        document = places.read(project.layer_catalogue(name), f"{LAYERS_FOLDER}/{name}/{CATALOGUE_FILE}")
        documents.append(document)
        layers.append(_layer(name, document))
        raw = _raw_entries(document)
        for entry in raw:
            rules.check_entry(entry, families)
        entries += raw
    rules.check_together(entries)
    problems = sorted(problem for document in documents for problem in document.problems)
    if head is None or problems:
        return None, problems
    loaded = tuple(layer for layer in layers if layer)
    return Catalogue(head.validation.protocol, head.language, dict(head.families), loaded), problems


def _parse_whole(kind: type[faults.M], document: places.Document) -> faults.M | None:
    """A whole file as `kind`; None where it has faults or could not be read, both noted."""
    return None if document.data is None else faults.parse(kind, document, (), document.data)


def _mapping(data: Any, key: str) -> dict[str, Any] | None:
    """The mapping at `key` of `data`, where there is one."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else None


def _layer_names(document: places.Document) -> list[str]:
    """The names of layers that can be read out of a head, be the rest of it valid or not."""
    stated = document.data.get("layers") if isinstance(document.data, dict) else None
    names: list[str] = []
    for index, name in enumerate(stated if isinstance(stated, list) else []):
        if not isinstance(name, str) or not is_slug(name):
            continue  # the types refuse it
        if fault := rules.check_name(name):
            document.problem(("layers", index), *fault)
        elif name in names:
            document.problem(("layers", index), f"the layer {name} is listed twice", "keep one")
        else:
            names.append(name)
    return names


def _check_families(document: places.Document) -> None:
    for name in _mapping(document.data, "families") or {}:
        if is_slug(name) and (fault := rules.check_name(name)):
            document.problem(("families", name), *fault)


def _check_folders(project: Project, names: list[str], document: places.Document) -> None:
    """Folders that look like layers and are not on the list."""
    folder = project.root / LAYERS_FOLDER
    if document.data is None or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name not in names and (path / CATALOGUE_FILE).is_file():
            what = f"the folder {LAYERS_FOLDER}/{path.name} is not on the list"
            document.problem(("layers",), what, f"add {path.name}, or remove the folder")


def _raw_entries(document: places.Document) -> list[rules.RawEntry]:
    """The layer's models as written, with what is wrong about their names noted."""
    publish = document.data.get("publish") if isinstance(document.data, dict) else None
    prefix = publish if isinstance(publish, str) else None
    entries = []
    for slug, data in (_mapping(document.data, "models") or {}).items():
        if fault := rules.check_name(slug):
            document.problem(("models", slug), *fault)
        if isinstance(data, dict):
            entries.append(rules.RawEntry(document, prefix, slug, data))
    return entries


def _layer(name: str, document: places.Document) -> LoadedLayer | None:
    """The layer, or None with its faults noted."""
    layer = _parse_whole(Layer, document)
    if layer is None:
        return None
    models = tuple(_model(slug, name, entry) for slug, entry in layer.models.items())
    return LoadedLayer(name, layer.title, layer.purpose, layer.publish, models)


def _model(slug: str, layer: str, entry: Entry) -> Model:
    given = {"slug", "layer", *entry.model_fields_set}
    return Model.model_construct(_fields_set=given, slug=slug, layer=layer, **dict(entry))
