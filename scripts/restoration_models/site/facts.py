"""What the page knows of every model, as JSON: tiles and comparisons are made of it, cards are beside it.

A text is a string, or ``{"es": …, "en": …}`` where the languages differ. Catalogue text goes through
`one_line`: nothing in it breaks a line or turns the direction of what follows.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from restoration_models.cards import figures, snippets
from restoration_models.cards.markdown import LINK, one_line
from restoration_models.cards.model import UNREGISTERED
from restoration_models.cards.tables import SIGMA
from restoration_models.cards.texts import words
from restoration_models.catalogue import say
from restoration_models.lock import State
from restoration_models.sources import SourceProblem, parse

if TYPE_CHECKING:
    from restoration_models.catalogue import Catalogue, LoadedLayer, Metric, Model, Words
    from restoration_models.lock import Standing
    from restoration_models.report import Measured

LANGUAGES = ("es", "en")

Json = dict[str, Any]


def both(found: Callable[[str], str]) -> Any:
    """What `found` says in each language, as one string where that is the same."""
    texts = {language: found(language) for language in LANGUAGES}
    return texts["es"] if texts["es"] == texts["en"] else texts


def spoken(text: Words | None) -> Any:
    """Catalogue words for the page; None for none."""
    if text is None:
        return None
    return both(lambda language: one_line(say(text, language)))


def card_word(name: str) -> Any:
    """One of the cards' own fixed strings; those without marks alone."""
    return both(lambda language: words()[name][language])


def layer_facts(layer: LoadedLayer) -> Json:
    """A stage of the pipeline."""
    return {"slug": layer.slug, "title": spoken(layer.title), "purpose": spoken(layer.purpose)}


def model_facts(catalogue: Catalogue, model: Model, standing: Standing) -> Json:
    """All that the page shows of a model besides its card and picture; what is absent is left out."""
    licence, report = catalogue.licence(model), standing.report
    locked = standing.locked
    facts: Json = {
        "slug": model.slug,
        "title": spoken(model.title),
        "about": spoken(model.description),
        "layer": model.layer,
        "family": model.family,
        "task": str(model.task),
        "use": licence.commercial_use,
        "licence": licence.spdx,
        "state": str(standing.state),
        "withdrawn": spoken(model.withdrawn),
        "file": model.file,
        "size": model.size,
        "sizeText": figures.size(model.size),
        "parameters": (report.parameters if report else None) or model.parameters,
        "sha256": model.sha256,
        "md5": model.md5 or (locked.md5 if locked else None),
        "fingerprint": report.fingerprint if report else None,
        "sources": [_source(one) for one in model.sources],
        "trained": spoken(model.training_data),
        "base": model.base,
        "reported": [_reported(metric) for metric in figures.primary(model.metrics)],
        **_commands(catalogue, model, standing),
    }
    if report and report.measured:
        facts |= _measured(report.measured)
    if facts["parameters"]:
        facts["parametersText"] = figures.short(facts["parameters"])
    return {key: value for key, value in facts.items() if value not in (None, [], "")}


def _commands(catalogue: Catalogue, model: Model, standing: Standing) -> Json:
    """How the file comes here, and how it is loaded; absent where neither can be."""
    path = snippets.path(model)
    pull = None
    if standing.locked:
        pull = f"dvc pull {shlex.quote(path)}"
    elif model.origin is None:
        pull = f"dvc repro {shlex.quote(f'layers/{model.layer}/dvc.yaml:validate@{model.slug}')}"
    loads = model.expects.architecture != UNREGISTERED and not model.withdrawn
    published = loads and standing.state is State.VALIDATED
    return {
        "pull": pull,
        "pullable": standing.locked is not None,
        "load": f'import restoration_models\nmodel = restoration_models.load("{model.slug}")'
        if loads
        else None,
        "elsewhere": snippets.published(model) if published else None,
        "name": catalogue.published_name(model),
        "aliases": list(model.aliases),
    }


def _source(found: str) -> list[Any]:
    """Kind and address of a source, and whether the address may become a link."""
    try:
        kind = str(parse(found).kind)
    except SourceProblem:
        kind = "https"
    return [kind, one_line(found), LINK.fullmatch(found) is not None]


def _reported(metric: Metric) -> list[str]:
    """What was reported, on what, by whom: label, value and source."""
    noise = f"{SIGMA} {figures.number(metric.sigma)}" if metric.sigma else None
    where = " ".join(part for part in (metric.dataset, metric.split, noise) if part)
    value = " ".join(part for part in (figures.number(metric.value), metric.unit) if part)
    return [one_line(f"{metric.metric}, {where}"), value, metric.channel or "", metric.source]


def _measured(measured: Measured) -> Json:
    """The figures of the test page as text, and the gain to sort by with its unit.

    Where a page is flattened, that is by how much its points came nearer to their place: PSNR says
    little there, and pixels are not compared with decibels.
    """
    pairs: list[tuple[str, float | None, float | None, int]] = [
        ("grid", measured.grid_error_before, measured.grid_error_after, 2),
        ("psnr", measured.psnr_before, measured.psnr_after, 2),
        ("ssim", measured.ssim_before, measured.ssim_after, 3),
    ]
    rows = [
        [name, f"{before:.{places}f}", f"{after:.{places}f}", figures.signed(after - before, places)]
        for name, before, after, places in pairs
        if before is not None and after is not None
    ]
    gain: list[Any] = [measured.gain_db, "dB"]
    if measured.grid_error_before is not None and measured.grid_error_after is not None:
        gain = [round(measured.grid_error_before - measured.grid_error_after, 2), "px"]
    return {"gain": gain, "measured": rows}


def vocabulary(catalogue: Catalogue) -> Json:
    """Names of what models are sorted by: tasks, families, kinds of source and of figure."""
    kinds = ("https", "github", "huggingface", "gdrive", "pypi", "file")
    sources = ("paper", "author-readme", "mmagic-reeval", "third-party")
    used: Mapping[str, None] = dict.fromkeys(str(model.task) for model in catalogue.models)
    return {
        "tasks": {task: card_word(f"task.{task}") for task in used},
        "families": {
            key: one_line(catalogue.families[key].title)
            for key in dict.fromkeys(model.family for model in catalogue.models)
        },
        "kinds": {kind: card_word(f"kind.{kind}") for kind in kinds},
        "reporters": {source: card_word(f"source.{source}") for source in sources},
    }
