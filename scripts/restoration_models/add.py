"""``models add``: a checkpoint enters the catalogue, proved, with its lock, report, picture and card.

Everything is looked at first; then the entry is written and the model's stages run. Whatever
fails, catalogue, lock, cards and reports are afterwards as they were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from restoration_models import newcomer, obtain, recognition, sources, stages
from restoration_models.architectures import require_torch
from restoration_models.catalogue import Catalogue, Model, edit, load
from restoration_models.checkpoint import CheckpointMissing
from restoration_models.download import (
    Places,
    Request,
    SourceUnavailable,
    events,
    fetch,
    first_contact,
    inspect,
)
from restoration_models.editing import Editing, Say, editing, require_free, silent
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.newcomer import AlreadyThere, Decided, Wanted
from restoration_models.project import Project
from restoration_models.recognition import Recognised
from restoration_models.report import Report

_ADDRESS = re.compile(r"(?:https?://|pypi:|file:)")


class SourceServesOther(ModelProblem):
    """A source that was given has another file than the one that is added."""

    def __init__(self, source: sources.Source, what: str) -> None:
        super().__init__(what, where=source.label, remedy="leave that --source out, or add the file it has")


@dataclass(frozen=True, slots=True)
class Added:
    """A model that is in the catalogue now."""

    model: Model
    found: Recognised
    report: Report
    notes: tuple[str, ...]
    """What a person should know, each a sentence without its full stop."""


def add(
    project: Project,
    origin: str,
    wanted: Wanted,
    *,
    reporter: events.Reporter = events.silent,
    say: Say = silent,
) -> Added:
    """Add the checkpoint at `origin`, a path or an address, as `wanted` says.

    Raises `UsageProblem` where something wanted cannot be, `ModelProblem` where the checkpoint is
    not what was said, is refused by the scan, fails its validation or is there already (`AlreadyThere`),
    `WorldFailure` for network and disk. Nothing of the repository is changed then.
    """
    require_torch()
    catalogue = load(project)
    found_places = obtain.places(project)
    address = sources.parse(origin).address if _ADDRESS.match(origin) else None
    name = newcomer.file_name(address) if address else Path(origin).name
    decided = newcomer.decide(project, catalogue, wanted, name, address)
    if address:
        arrived = first_contact(sources.parse(address), decided.slug, found_places, reporter)
        path = arrived.path
        _refuse_digest(catalogue, arrived.sha256)
    else:
        path = Path(origin)
        if not path.is_file():
            raise CheckpointMissing(path)
    found, compared = _look(project, catalogue, wanted, decided, path, say)
    notes = (
        *decided.notes,
        *compared,
        *_check_sources(project, decided, found, found_places, fetched=address),
    )
    with editing(project, say) as edits:
        if not address:
            _to_inbox(edits, found_places, decided, found, path, reporter)
        model = _enter(edits, found_places, wanted, decided, found, downloaded=address is not None)
    return Added(model, found, Report.read(project.report(model.layer, model.slug)), notes)


def _look(
    project: Project, catalogue: Catalogue, wanted: Wanted, decided: Decided, path: Path, say: Say
) -> tuple[Recognised, tuple[str, ...]]:
    """Scan and recognise the checkpoint, and refuse what is there already."""
    say("scanning the checkpoint, and reading what is in it")
    try:
        found = recognition.recognise(
            path,
            wrapper_key=wanted.wrapper_key,
            allow_globals=wanted.allow_globals,
            registered=decided.registered,
        )
        _refuse_digest(catalogue, found.sha256)
        notes = _refuse_fingerprint(project, catalogue, found)
        newcomer.compare(catalogue, wanted, decided, found)
    except RestorationModelsError as error:
        error.where = error.where or str(path)
        raise
    return found, notes


def _refuse_digest(catalogue: Catalogue, sha256: str) -> None:
    for model in catalogue.models:
        if model.sha256 == sha256:
            raise AlreadyThere(model, "the very same file")


def _refuse_fingerprint(project: Project, catalogue: Catalogue, found: Recognised) -> tuple[str, ...]:
    """Raise `AlreadyThere` for weights that another model has in another file."""
    unknown = 0
    for model in catalogue.models:
        path = project.report(model.layer, model.slug)
        if not path.is_file():
            unknown += 1
            continue
        report = Report.read(path)
        if report.sha256 == model.sha256 and report.fingerprint in found.twins:
            raise AlreadyThere(model, f"the same tensors in another file (fingerprint {report.fingerprint})")
    if not unknown:
        return ()
    models = "model was" if unknown == 1 else "models were"
    return (f"{unknown} {models} never validated here, so their weights could not be compared with these",)


def _check_sources(
    project: Project, decided: Decided, found: Recognised, places: Places, fetched: str | None
) -> tuple[str, ...]:
    """Ask every source but the one that was downloaded from whether it has this file."""
    notes = []
    for address in decided.sources:
        if address == fetched:
            continue
        source = sources.parse(address)
        try:
            offered = inspect(source, project.root, places.policy, places.environ)
        except SourceUnavailable as error:
            notes.append(f"{source.label} could not be asked for this file: {error.what}")
            continue
        if offered.sha256 not in (None, found.sha256):
            raise SourceServesOther(
                source, f"serves a file with sha256 {offered.sha256}, this one has {found.sha256}"
            )
        if offered.size not in (None, found.size):
            raise SourceServesOther(
                source, f"serves a file of {offered.size:,} bytes, this one has {found.size:,}"
            )
    return tuple(notes)


def _to_inbox(
    edits: Editing,
    places: Places,
    decided: Decided,
    found: Recognised,
    path: Path,
    reporter: events.Reporter,
) -> None:
    """Copy the file to where the download stage finds it, proving the copy."""
    edits.rollback.create(places.verified(found.sha256))
    whole = path.resolve()
    source = sources.FileSource(f"file:{whole}", PurePosixPath(whole))
    fetch(Request(decided.slug, found.sha256, found.size, found.md5, (source,)), places, reporter)


def _enter(
    edits: Editing, places: Places, wanted: Wanted, decided: Decided, found: Recognised, *, downloaded: bool
) -> Model:
    """Write the entry and run the model's stages."""
    project, layer, slug = edits.project, wanted.layer, decided.slug
    catalogue = edits.reload()
    require_free(project, catalogue, layer, slug, "--name")
    layers = [one.slug for one in catalogue.layers]
    for one in layers:
        edits.keep_layer(one)
    edits.keep_layer(layer, slug)
    checkpoint = project.checkpoint(layer, slug, decided.file)
    if places.cache is not None:
        edits.rollback.create(places.cache / found.md5[:2] / found.md5[2:])
    edits.rollback.create(project.model(layer, slug))
    entry = newcomer.entry(wanted, decided, found)
    edits.rewrite(project.layer_catalogue(layer), lambda text: edit.put(text, ("models", slug), entry))
    model = edits.reload().model(slug)
    # All cards: a family that was declared for this model has made every layer's out of date.
    targets = [stages.download(layer, slug), stages.validate(layer, slug), *map(stages.cards, layers)]
    try:
        edits.run(targets, slug=slug)
    except BaseException:
        if downloaded and checkpoint.is_file():
            # Fetched over the network: kept for the next try.
            checkpoint.replace(places.verified(found.sha256))
        raise
    return model
