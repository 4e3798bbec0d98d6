"""``models add-layer``: one more stage of the restoration pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from restoration_models import stages
from restoration_models.catalogue import Catalogue, edit, layout, load
from restoration_models.catalogue.schema import PUBLISHED_ROOT
from restoration_models.editing import Editing, NameTaken, Say, editing, require_name, silent
from restoration_models.errors import ModelProblem
from restoration_models.newcomer import Words
from restoration_models.project import LAYERS_FOLDER, Project

SCHEMA_LINE = "# yaml-language-server: $schema=../../schemas/layer.schema.json"


class OtherLayer(NameTaken):
    """The layer is there, and says something else."""

    def __init__(self, name: str, field: str) -> None:
        super().__init__(
            name,
            f"is a layer already, with another {field}",
            f"edit {LAYERS_FOLDER}/{name}/params.yaml, or choose another name",
        )


class NoPattern(ModelProblem):
    """No layer is there whose pipeline the new one could have."""

    def __init__(self, place: str) -> None:
        super().__init__("is missing", where=place, remedy="restore it with git checkout")


@dataclass(frozen=True, slots=True)
class LayerAdded:
    """A layer, and whether it is new."""

    name: str
    publish: str
    new: bool


def add_layer(
    project: Project,
    name: str,
    *,
    title: Words,
    purpose: Words,
    publish: str | None = None,
    say: Say = silent,
) -> LayerAdded:
    """Add the layer `name`, without models, as the last of the pipeline; the pipeline then runs it.

    `publish` is the prefix of its models' published names. A layer that is there already and says the
    same is left alone. Raises `BadName`, `NameTaken`, `OtherLayer`, `EntryRefused`, and what running
    the cards raises; nothing is changed then.
    """
    require_name(name)
    prefix = publish or PUBLISHED_ROOT + name.replace("-", "_")
    with editing(project, f"add-layer {name}", say) as edits:
        catalogue = load(project)
        if any(layer.slug == name for layer in catalogue.layers):
            _require_same(catalogue, name, title, purpose, prefix)
            return LayerAdded(name, prefix, new=False)
        folder = project.layer(name)
        if folder.exists():
            what = f"{project.relative(folder)} is there already, and is no layer"
            raise NameTaken(name, what, "delete it, or choose another name")
        _write(edits, catalogue, name, title, purpose, prefix)
        edits.rewrite(project.head, lambda text: edit.append(text, ("layers",), name))
        layers = [layer.slug for layer in edits.reload().layers]
        # Every layer's card says which stage of how many it is.
        edits.run([stages.cards(layer) for layer in layers])
    return LayerAdded(name, prefix, new=True)


def _require_same(catalogue: Catalogue, name: str, title: Words, purpose: Words, publish: str) -> None:
    layer = catalogue.layer(name)
    for field, given in (("title", title), ("purpose", purpose), ("publish", publish)):
        found = getattr(layer, field)
        if (found.model_dump() if hasattr(found, "model_dump") else found) != given:
            raise OtherLayer(name, field)


def _write(
    edits: Editing, catalogue: Catalogue, name: str, title: Words, purpose: Words, publish: str
) -> None:
    project, folder = edits.project, edits.project.layer(name)
    pattern = project.layer(catalogue.layers[0].slug) / "dvc.yaml"
    if not pattern.is_file():
        raise NoPattern(project.relative(pattern))
    edits.rollback.create(folder, folder / "reports")
    for layer in (*(one.slug for one in catalogue.layers), name):
        edits.keep_layer(layer)
    fields = {"title": title, "purpose": purpose, "publish": publish}
    lines = [SCHEMA_LINE, *(layout.block(key, value, 0) for key, value in fields.items()), "", "models: {}"]
    edits.write(project.layer_catalogue(name), "\n".join(lines) + "\n")
    edits.write(folder / "dvc.yaml", pattern.read_text(encoding="utf-8"))
    edits.write(folder / "reports" / ".gitkeep", "")
