"""``models add``: a checkpoint enters the catalogue, proved, with its lock, report, picture and card.

Everything is looked at first; then the entry is written and the model's stages run. Whatever
fails, catalogue, lock, cards and reports are afterwards as they were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from restoration_models import evidence, lock, newcomer, obtain, recognition, sources, stages
from restoration_models.architectures import require_torch
from restoration_models.catalogue import Catalogue, Model, edit, load
from restoration_models.download import (
    Places,
    Request,
    SourceUnavailable,
    events,
    fetch,
    first_contact,
    inspect,
)
from restoration_models.download.digests import digests_of
from restoration_models.editing import Editing, Say, editing, require_free, silent, take_back_killed
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.newcomer import AlreadyThere, Decided, Wanted
from restoration_models.project import Project, in_cache
from restoration_models.recognition import Recognised
from restoration_models.report import Report
from restoration_models.scan import UnsafeCheckpoint
from restoration_models.scan.allowlist import ForbiddenAllowance, allowed_names

_ADDRESS = re.compile(r"(?:https?://|pypi:|file:)")


class SourceServesOther(ModelProblem):
    """A source that was given has another file than the one that is added."""

    def __init__(self, source: sources.Source, what: str) -> None:
        super().__init__(what, where=source.label, remedy="leave that --source out, or add the file it has")


@dataclass(frozen=True, slots=True)
class Added:
    """A model that is in the catalogue now."""

    model: Model
    found: Recognised | None
    """None where the model was there already, with these bytes."""
    report: Report
    notes: tuple[str, ...]
    """What a person should know, each a sentence without its full stop."""
    new: bool = True
    """Whether anything was done."""


def add(
    project: Project,
    origin: str,
    wanted: Wanted,
    *,
    reporter: events.Reporter = events.silent,
    say: Say = silent,
) -> Added:
    """Add the checkpoint at `origin`, a path or an address, as `wanted` says.

    A model of that name with these bytes is left as it is; one whose stages never ran through goes on.

    Raises `UsageProblem` where something wanted cannot be, `ModelProblem` where the checkpoint is
    not what was said, is refused by the scan, fails its validation or is there already (`AlreadyThere`),
    `WorldFailure` for network and disk. Nothing of the repository is changed then.
    """
    address = address_of(origin)
    say("loading torch and the catalogue")
    require_torch()
    found_places = obtain.places(project)
    take_back_killed(project, say)
    catalogue = load(project)
    name = newcomer.file_name(address) if address else Path(origin).name
    there = newcomer.namesake(catalogue, wanted, name)
    if there is not None and _is_of(there, origin, address):
        report, ran = go_on(project, there, None if address else Path(origin), f"add {name}", reporter, say)
        return Added(there, None, report, evidence.worse(report), new=ran)
    decided = newcomer.decide(project, catalogue, wanted, name, address)
    if address:
        arrived = first_contact(sources.parse(address), decided.slug, found_places, reporter)
        path = arrived.path
        _refuse_digest(catalogue, arrived.sha256)
    else:
        path = Path(origin)
    found, compared = look(project, catalogue, wanted, decided, path, say)
    asked = check_sources(project, decided.sources, found, found_places, fetched=address)
    with editing(project, f"add {name}", say) as edits:
        if not address:
            to_inbox(edits, found_places, decided.slug, found.sha256, path, reporter)
        model = _enter(edits, found_places, wanted, decided, found, downloaded=address is not None)
    report = Report.read(project.report(model.layer, model.slug))
    return Added(model, found, report, (*decided.notes, *compared, *asked, *evidence.worse(report)))


def address_of(origin: str) -> str | None:
    """The address that `origin` is; None for a path of a file. Raises `SourceProblem`, `NoSuchFile`."""
    if _ADDRESS.match(origin):
        return sources.parse(origin).address
    if not Path(origin).is_file():
        raise newcomer.NoSuchFile(origin)
    return None


def go_on(
    project: Project, model: Model, path: Path | None, what: str, reporter: events.Reporter, say: Say
) -> tuple[Report, bool]:
    """The report of a model that is in the catalogue, made now where it never came so far; whether it was.

    `path` is a file with its bytes, where one is at hand; `what` is the command. Raises what the
    stages raise; nothing is changed then.
    """
    report = project.report(model.layer, model.slug)
    with editing(project, what, say) as edits:
        catalogue = edits.reload()
        ran = lock.state(project, catalogue, model) is not lock.State.VALIDATED
        if ran:
            places = obtain.places(project)
            keep(edits, catalogue, places, model.layer, model.slug, model.file, model.md5)
            if path is not None:
                to_inbox(edits, places, model.slug, model.sha256, path, reporter)
            run_stages(edits, catalogue, model, downloaded=path is None)
    return Report.read(report), ran


def _is_of(model: Model, origin: str, address: str | None) -> bool:
    """Whether `origin` is the very file of `model`, or an address that its entry pins."""
    if address is not None:
        return address in model.sources
    path = Path(origin)
    return path.stat().st_size == model.size and digests_of(path).sha256 == model.sha256


def look(
    project: Project, catalogue: Catalogue, wanted: Wanted, decided: Decided, path: Path, say: Say
) -> tuple[Recognised, tuple[str, ...]]:
    """Scan and recognise the checkpoint, and refuse what another model has already; what is to be noted."""
    say("scanning the checkpoint, and reading what is in it")
    try:
        found = recognition.recognise(
            path,
            wrapper_key=wanted.wrapper_key,
            allow_globals=wanted.allow_globals,
            registered=decided.registered,
        )
        _refuse_digest(catalogue, found.sha256)
        notes = _refuse_fingerprint(project, catalogue, found, but=decided.slug)
        newcomer.compare(catalogue, wanted, decided, found)
    except RestorationModelsError as error:
        if isinstance(error, UnsafeCheckpoint) and error.global_name is not None:
            error.remedy = _remedy(error.global_name, error.remedy)
        error.where = error.where or str(path)
        raise
    return found, notes


def _remedy(name: str, remedy: str | None) -> str | None:
    """`remedy` for a pickle that imports `name`, with the option that allows it, or without that hint."""
    before, hint, _ = (remedy or "").partition(" If a person has read")
    if not hint:
        return remedy
    try:
        allowed_names([name])
    except ForbiddenAllowance:
        return f"{before} {name} is never allowed"
    return f"{before} If a person has read what this name does with this file's data: --allow-globals {name}"


def _refuse_digest(catalogue: Catalogue, sha256: str) -> None:
    for model in catalogue.models:
        if model.sha256 == sha256:
            raise AlreadyThere(model, "the very same file")


def _refuse_fingerprint(
    project: Project, catalogue: Catalogue, found: Recognised, but: str
) -> tuple[str, ...]:
    """Raise `AlreadyThere` for weights that another model has in another file."""
    unknown = 0
    for model in catalogue.models:
        if model.slug == but:
            continue
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


def check_sources(
    project: Project, addresses: tuple[str, ...], found: Recognised, places: Places, fetched: str | None
) -> tuple[str, ...]:
    """Ask every source but the one that was downloaded from whether it has this file.

    Returns what is to be noted. Raises `SourceServesOther`.
    """
    notes = []
    for address in addresses:
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


def to_inbox(
    edits: Editing, places: Places, slug: str, sha256: str, path: Path, reporter: events.Reporter
) -> None:
    """Copy the file to where the download stage finds it, proving the copy."""
    edits.rollback.create(places.verified(sha256))
    whole = path.resolve()
    source = sources.FileSource(f"file:{whole}", PurePosixPath(whole))
    # Without an md5 neither cache nor store are asked for what was handed over.
    fetch(Request(slug, sha256, whole.stat().st_size, None, (source,)), places, reporter)


def keep(
    edits: Editing, catalogue: Catalogue, places: Places, layer: str, slug: str, file: str, md5: str | None
) -> None:
    """Remember all that the model's stages and the cards write."""
    for one in catalogue.layers:
        edits.keep_layer(one.slug)
    edits.keep_layer(layer, slug)
    if places.cache is not None and md5 is not None:
        edits.rollback.create_in_cache(in_cache(places.cache, md5))
    edits.create_model(layer, slug, file)


def run_stages(edits: Editing, catalogue: Catalogue, model: Model, *, downloaded: bool) -> None:
    """Run the stages of `model`, and all cards: a family that was declared for it changed every layer's.

    What was `downloaded` is kept for the next try where they fail.
    """
    if downloaded:
        checkpoint = edits.project.checkpoint(model.layer, model.slug, model.file)
        edits.rollback.fetch(checkpoint, model.sha256)
    cards = [stages.cards(layer.slug) for layer in catalogue.layers]
    targets = [stages.download(model.layer, model.slug), stages.validate(model.layer, model.slug)]
    edits.run([*targets, *cards], slug=model.slug)


def _enter(
    edits: Editing, places: Places, wanted: Wanted, decided: Decided, found: Recognised, *, downloaded: bool
) -> Model:
    """Write the entry and run the model's stages."""
    project, layer, slug = edits.project, wanted.layer, decided.slug
    catalogue = edits.reload()
    require_free(project, catalogue, layer, slug, "--name")
    keep(edits, catalogue, places, layer, slug, decided.file, found.md5)
    entry = newcomer.entry(wanted, decided, found)
    edits.rewrite(project.layer_catalogue(layer), lambda text: edit.put(text, ("models", slug), entry))
    model = edits.reload().model(slug)
    run_stages(edits, catalogue, model, downloaded=downloaded)
    return model
