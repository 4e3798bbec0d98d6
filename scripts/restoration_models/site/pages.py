"""The page's files: one document that holds its style, program and data, and the pictures beside it.

The document names its own style and program by their digests, so that its policy lets in nothing
else, and it works from a file, a web server and a bucket alike. The same commit gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from restoration_models import lock
from restoration_models.cards.render import render_all
from restoration_models.cards.texts import words as card_words
from restoration_models.site import crops
from restoration_models.site.facts import LANGUAGES, layer_facts, model_facts, vocabulary
from restoration_models.site.nodes import OWN, Parts, own_of

if TYPE_CHECKING:
    from restoration_models.catalogue import Catalogue
    from restoration_models.lock import Standing
    from restoration_models.project import Project

PAGE = "index.html"
ICON = "icon.svg"
"""Browsers ask a server for one, named or not."""
PICTURES = "pictures"
SOURCES = Path(__file__).parent / "page"
SCRIPTS = ("light", "dom", "state", "pictures", "parts", "start", "model", "compare", "main")
"""The page's program, in its order."""
STYLES = ("base", "start", "model", "media")

SHARED = ("pull", "load", "elsewhere", "name")
"""Texts that differ from model to model by its own names alone."""
_SHORT = 8
"""Digits of a digest in a picture's name."""


def make(project: Project, catalogue: Catalogue) -> dict[str, bytes]:
    """Every file of the page by its path. Raises `LockUnreadable`.

    A picture is there where the model is validated and the file is the one that was locked.
    """
    standings: dict[str, Standing] = {}
    for layer in catalogue.layers:
        standings |= lock.standings(project, catalogue, layer.slug)
    pictures = {
        model.slug: found
        for model in catalogue.models
        if (found := _picture(project, model.layer, model.slug, standings[model.slug])) is not None
    }
    facts = {model.slug: model_facts(catalogue, model, standings[model.slug]) for model in catalogue.models}
    cards, parts = _cards(project, catalogue, facts)
    for slug, told in facts.items():
        own = own_of(told)
        told |= {name: parts.text(told[name], own) for name in SHARED if name in told}
        told["card"] = cards[slug]
        if slug in pictures:
            name, sheet, _ = pictures[slug]
            told["picture"] = [name, sheet.name]
    data = {
        "language": catalogue.language,
        "words": _words(),
        **vocabulary(catalogue),
        "layers": [layer_facts(layer) for layer in catalogue.layers],
        "sheets": {sheet.name: _sheet(sheet) for sheet in crops.SHEETS},
        **_rows(facts.values()),
        "own": OWN,
        "parts": parts.kept,
    }
    files = {name: content for name, _, content in pictures.values()}
    return {PAGE: _document(data).encode("utf-8"), ICON: _source(ICON).encode("utf-8"), **files}


def _rows(models: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Models as rows of values in the order of ``keys``, which are told once; null for what is absent."""
    told = list(models)
    keys = list(dict.fromkeys(key for one in told for key in one))
    return {"keys": keys, "models": [[one.get(key) for key in keys] for one in told]}


def _picture(
    project: Project, layer: str, slug: str, standing: Standing
) -> tuple[str, crops.Sheet, bytes] | None:
    """Name, layout and bytes of a model's picture, if it shows a before and an after."""
    locked = standing.locked.validated if standing.locked else None
    if locked is None or standing.report is None or standing.report.measured is None:
        return None
    try:
        content = project.picture(layer, slug).read_bytes()
    except FileNotFoundError:
        return None
    sheet = crops.sheet_of(content)
    if sheet is None or hashlib.md5(content, usedforsecurity=False).hexdigest() != locked.picture_md5:
        return None
    digest = hashlib.sha256(content).hexdigest()[:_SHORT]
    return f"{PICTURES}/{slug}-{digest}.png", sheet, content


def _cards(
    project: Project, catalogue: Catalogue, facts: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, Any], Parts]:
    """Each model's card in each language: its callouts, then its sections; and the nodes that they share."""
    parts = Parts(frozenset(model.slug for model in catalogue.models))
    cards: dict[str, dict[str, Any]] = {model.slug: {} for model in catalogue.models}
    for language in LANGUAGES:
        picture = card_words()["section.sample"][language]
        told = replace(catalogue, language=language)
        for layer in catalogue.layers:
            texts = render_all(project, told, layer.slug)
            for model in layer.models:
                own = own_of(facts[model.slug])
                card = texts[project.card(layer.slug, model.slug)]
                head, *sections = parts.sections(card, own, without=picture)
                shown = [parts.keep([one.title, *one.nodes]) for one in sections]
                cards[model.slug][language] = [head.nodes, *shown]
    return {slug: parts.keep(card) for slug, card in cards.items()}, parts


def _sheet(sheet: crops.Sheet) -> dict[str, Any]:
    return {
        "size": [sheet.width, sheet.height],
        "panels": [list(astuple(box)) for box in sheet.panels],
        "details": [list(astuple(box)) for box in sheet.details],
    }


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, str]]:
    """The page's own fixed strings by language."""
    told = yaml.safe_load((SOURCES.parent / "words.yaml").read_text(encoding="utf-8"))
    return {language: {name: text[language] for name, text in told.items()} for language in LANGUAGES}


def _document(data: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style = "".join(_source(f"{name}.css") for name in STYLES)
    program = "".join(_source(f"{name}.js") for name in SCRIPTS)
    script = f'(async () => {{\n"use strict";\n{program}}})();\n'
    environment = Environment(
        loader=FileSystemLoader(SOURCES), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    language = data["language"]
    return environment.get_template("index.html.j2").render(
        language=language,
        t=data["words"][language],
        policy=_policy(style, script),
        # Ours.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=_packed(data),
    )


def _policy(style: str, script: str) -> str:
    """What the document may do: run and wear what has these digests, show pictures beside it."""
    rules = {
        "default-src": "'none'",
        "script-src": f"'sha256-{_digest(script)}'",
        "style-src": f"'sha256-{_digest(style)}'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _packed(data: dict[str, Any]) -> str:
    """`data` as compressed JSON, in letters and digits: nothing in it can end its element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8"), level=9)).decode("ascii")


@lru_cache(maxsize=len(SCRIPTS) + len(STYLES) + 1)
def _source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")
