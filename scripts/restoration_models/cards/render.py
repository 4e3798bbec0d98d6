"""Cards as text: the catalogue, the lock and the reports in, Markdown out."""

from __future__ import annotations

import hashlib
import re
import shlex
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_models import lock
from restoration_models.cards.layer import LayerCard
from restoration_models.cards.markdown import Markdown, address, code, escape, literal, one_line
from restoration_models.cards.model import ModelCard
from restoration_models.cards.texts import Texts

if TYPE_CHECKING:
    from jinja2 import Environment

    from restoration_models.catalogue import Catalogue, Model
    from restoration_models.project import Project

TEMPLATES = Path(__file__).parent / "templates"
_UNSEALED = "000000000000"
_SEAL = re.compile(r"^(<!-- .* \[)([0-9a-f]{12})(\] -->)$", re.MULTILINE)
_MANY_LINES = re.compile(r"\n{3,}")


def render_model(project: Project, catalogue: Catalogue, model: Model) -> str:
    """The card of `model`. Raises `LockUnreadable`."""
    standing = lock.standing(project, catalogue, model, lock.read(project, model.layer))
    texts = Texts(catalogue.language)
    return _render("model.md.j2", ModelCard(catalogue, model, standing, texts), texts, model.layer)


def render_layer(project: Project, catalogue: Catalogue, layer: str) -> str:
    """The card of `layer`. Raises `LockUnreadable`, `UnknownLayer`."""
    return _render("layer.md.j2", _layer_card(project, catalogue, layer), Texts(catalogue.language), layer)


def render_all(project: Project, catalogue: Catalogue, layer: str) -> dict[Path, str]:
    """Path and text of the cards of `layer`: its own, then each model's. Raises as `render_layer`."""
    texts = Texts(catalogue.language)
    card = _layer_card(project, catalogue, layer)
    cards = {project.layer_card(layer): _render("layer.md.j2", card, texts, layer)}
    for model in card.cards:
        cards[project.card(layer, model.model.slug)] = _render("model.md.j2", model, texts, layer)
    return cards


def sealed(text: str) -> bool:
    """Whether `text` is a card exactly as it was generated, by whatever catalogue."""
    match = _SEAL.search(text)
    return match is not None and match[2] == _digest(_SEAL.sub(rf"\g<1>{_UNSEALED}\g<3>", text, count=1))


def _layer_card(project: Project, catalogue: Catalogue, layer: str) -> LayerCard:
    found = catalogue.layer(layer)
    return LayerCard(catalogue, found, lock.standings(project, catalogue, layer), Texts(catalogue.language))


def _render(template: str, card: ModelCard | LayerCard, texts: Texts, layer: str) -> str:
    header = Markdown(f"<!-- {texts('generated', layer=layer)} [{_UNSEALED}] -->")
    text = _environment().get_template(template).render(card=card, t=texts, header=header)
    text = _MANY_LINES.sub("\n\n", text).strip() + "\n"
    # The digest tells a card that somebody edited from one that is merely out of date.
    return _SEAL.sub(rf"\g<1>{_digest(text)}\g<3>", text, count=1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[: len(_UNSEALED)]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown is escaped by `finalize`, which HTML's escaping would break
        finalize=_shown,
    )
    environment.filters |= {"code": code, "address": address, "literal": literal, "shell": _shell}
    return environment


def _shown(value: Any) -> str:
    """What an expression of a template becomes: nothing for None, escaped unless it is Markdown."""
    return "" if value is None else escape(value)


def _shell(text: str) -> Markdown:
    """`text` as one word of a shell command."""
    return Markdown(shlex.quote(one_line(text)))
