"""``models replace``: a model gets another checkpoint, and keeps its name, its texts and its place.

The same as for an add: scanned, recognised, compared, entered, validated; and if anything fails,
entry, lock, checkpoint, report, picture and cards are afterwards as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_models import add as adding
from restoration_models import evidence, newcomer, obtain, sources
from restoration_models.architectures import require_torch
from restoration_models.catalogue import Catalogue, Model, edit, load
from restoration_models.catalogue.rules import UNREGISTERED
from restoration_models.download import events, first_contact
from restoration_models.download.digests import digests_of
from restoration_models.editing import Say, editing, silent, take_back_killed
from restoration_models.newcomer import Decided, Wanted
from restoration_models.project import Project
from restoration_models.recognition import Recognised
from restoration_models.report import Report

OF_THE_BYTES = ("pages", "metrics", "evaluated_as", "evidence", "training_data", "notes")
"""Fields that a person wrote and that may speak of the former checkpoint."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A model with another checkpoint."""

    model: Model
    former: Model
    """As its entry was before."""
    report: Report
    notes: tuple[str, ...]
    """What a person should know, each a sentence without its full stop."""
    changed: bool
    """False where it had these bytes, and was validated with them."""


def replace(
    project: Project,
    slug: str,
    origin: str,
    *,
    source: tuple[str, ...] = (),
    wrapper_key: str | None = None,
    allow_globals: tuple[str, ...] = (),
    reporter: events.Reporter = events.silent,
    say: Say = silent,
) -> Replaced:
    """Give the model `slug` the checkpoint at `origin`, a path or an address; `source` are further addresses.

    A model that has these bytes is left as it is; one whose stages never ran through goes on. The
    former weights stay in cache and store. Raises `UnknownModel` and what `add` raises; nothing of
    the repository is changed then.
    """
    address = adding.address_of(origin)
    say("loading torch and the catalogue")
    require_torch()
    places = obtain.places(project)
    take_back_killed(project, say)
    catalogue = load(project)
    former = catalogue.model(slug)
    given = [sources.parse(one).address for one in ([address] if address else []) + list(source)]
    if address:
        arrived = first_contact(sources.parse(address), slug, places, reporter)
        path, sha256 = arrived.path, arrived.sha256
    else:
        path, sha256 = Path(origin), digests_of(Path(origin)).sha256
    if sha256 == former.sha256:
        report, ran = adding.go_on(project, former, path, f"replace {slug}", reporter, say)
        return Replaced(former, former, report, evidence.worse(report), changed=ran)
    wanted = Wanted(
        layer=former.layer,
        base=former.base,
        wrapper_key=wrapper_key,
        allow_globals=allow_globals or former.expects.allow_globals,
    )
    decided = Decided(
        slug=slug,
        family=former.family,
        task=former.task,
        title=None,
        file=former.file,
        licence=None,
        sources=tuple(dict.fromkeys(given)),
        registered=former.expects.architecture != UNREGISTERED,
        notes=_notes(catalogue, former, Path(newcomer.file_name(address) if address else origin).suffix),
    )
    found, compared = adding.look(project, catalogue, wanted, decided, path, say)
    asked = adding.check_sources(project, decided.sources, found, places, fetched=address)
    with editing(project, f"replace {slug}", say) as edits:
        if not address:
            adding.to_inbox(edits, places, slug, sha256, path, reporter)
        adding.keep(edits, catalogue, places, former.layer, slug, former.file, found.md5)
        checkpoint = project.checkpoint(former.layer, slug, former.file)
        if checkpoint.is_file():
            edits.rollback.set_aside(checkpoint)
        fields = _fields(wanted, decided, found)
        edits.rewrite(project.layer_catalogue(former.layer), lambda text: _rewritten(text, slug, fields))
        after = edits.reload()
        model = after.model(slug)
        adding.run_stages(edits, after, model, downloaded=address is not None)
    report = Report.read(project.report(model.layer, slug))
    notes = (*decided.notes, *compared, *asked, *evidence.worse(report))
    return Replaced(model, former, report, notes, changed=True)


def _fields(wanted: Wanted, decided: Decided, found: Recognised) -> dict[str, Any]:
    """What the entry says of its bytes; None for what it is not to say."""
    entry = newcomer.entry(wanted, decided, found)
    named = ("size", "sha256", "md5", "confidence", "sources", "origin", "parameters", "tensors")
    fields: dict[str, Any] = {name: entry.get(name) for name in named}
    expects = ("wrapper-key", "input-channels", "allow-globals")
    return {**fields, "expects": {name: entry["expects"].get(name) for name in expects}}


def _rewritten(text: str, slug: str, fields: dict[str, Any]) -> str:
    """The layer's catalogue with `fields` in the entry, each in the place where it stands."""
    there = edit.read(text)["models"][slug]
    for name, value in fields.items():
        if name == "expects":
            for inner, one in value.items():
                text = _put(text, (slug, name, inner), one, there[name].get(inner))
        else:
            text = _put(text, (slug, name), value, there.get(name))
    return text


def _put(text: str, key: tuple[str, ...], value: Any, before: Any) -> str:
    place = ("models", *key)
    if value is None:
        return text if before is None else edit.remove(text, place)
    return text if value == before else edit.put(text, place, value)


def _notes(catalogue: Catalogue, model: Model, suffix: str) -> tuple[str, ...]:
    """What of the entry may no longer be true."""
    notes = []
    if suffix and suffix != Path(model.file).suffix:
        notes.append(f"the file is still called {model.file} here: published names stay")
    stale = [name.replace("_", "-") for name in OF_THE_BYTES if getattr(model, name)]
    if stale:
        notes.append(f"see whether these fields of the entry hold for the new weights: {', '.join(stale)}")
    if heirs := [one.slug for one in catalogue.models if one.base == model.slug]:
        notes.append(f"fine-tuned from the former weights: {', '.join(heirs)}")
    if model.withdrawn:
        notes.append(f"{model.slug} is still withdrawn: models withdraw {model.slug} --undo")
    return tuple(notes)
