"""What a layer's card says: its models side by side."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from restoration_models.cards import hub, tables
from restoration_models.cards.figures import size
from restoration_models.cards.markdown import Markdown, code, escape, join, link_file
from restoration_models.cards.model import ModelCard
from restoration_models.catalogue import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from restoration_models.cards.texts import Texts
    from restoration_models.catalogue import Catalogue, LoadedLayer
    from restoration_models.lock import Standing

STATES = ("validated", "locked", "declared", "withdrawn")


class LayerCard:
    """The parts of a layer's card, each ready for the template."""

    def __init__(
        self, catalogue: Catalogue, layer: LoadedLayer, standings: Mapping[str, Standing], texts: Texts
    ) -> None:
        self.catalogue = catalogue
        self.layer = layer
        self.t = texts
        self.cards = [ModelCard(catalogue, model, standings[model.slug], texts) for model in layer.models]

    @property
    def front_matter(self) -> Markdown:
        """YAML between its ``---`` lines."""
        return Markdown(hub.layer([model.task.value for model in self.layer.models], self.layer.slug))

    @property
    def title(self) -> Markdown:
        """The layer's title."""
        return escape(say(self.layer.title, self.t.language))

    @property
    def purpose(self) -> Markdown:
        """What the layer is for."""
        return escape(say(self.layer.purpose, self.t.language))

    @property
    def place(self) -> Markdown:
        """Where the layer stands among all layers, with links to the others."""
        layers = self.catalogue.layers
        titles = [
            Markdown(f"**{self.title}**")
            if layer.slug == self.layer.slug
            else link_file(say(layer.title, self.t.language), f"../{layer.slug}/README.md")
            for layer in layers
        ]
        number = [layer.slug for layer in layers].index(self.layer.slug) + 1
        return self.t("layer.place", number=number, total=len(layers), path=join(" → ", titles))

    @property
    def count(self) -> Markdown:
        """How many models in which state, and their bytes."""
        states = ["withdrawn" if card.withdrawn else str(card.standing.state) for card in self.cards]
        counts = Counter(states)
        shown = [self.t.count(f"count.{state}", counts[state]) for state in STATES if counts[state]]
        total = size(sum(card.model.size for card in self.cards))
        models = self.t.count("models", len(self.cards))
        return self.t("layer.count", models=models, size=total, states=join(", ", shown))

    @property
    def columns(self) -> list[Markdown]:
        """Heads of the table of models."""
        names = ["model", "task", "file", "commercial", "state", "gain", "headline"]
        return [self.t(f"row.{name}") for name in names]

    @property
    def rows(self) -> list[list[Markdown]]:
        """A row a model."""
        return [
            [
                card.link,
                card.task,
                Markdown(size(card.model.size).replace(" ", "&nbsp;")),
                Markdown(f"{card.commercial} ({card.licence_short})"),
                self.t("state.withdrawn" if card.withdrawn else f"state.{card.standing.state}.cell"),
                tables.gain(card.measured, self.t, form="cell") if card.measured else Markdown("—"),
                card.headline or Markdown("—"),
            ]
            for card in self.cards
        ]

    @property
    def pictures(self) -> list[ModelCard]:
        """The models whose picture shows a before and an after."""
        return [card for card in self.cards if card.measured and not card.withdrawn]

    @property
    def publish(self) -> Markdown:
        """The prefix of the published names."""
        return code(self.layer.publish)

    @property
    def locked_size(self) -> Markdown | None:
        """Bytes that pulling the layer brings; None where nothing is locked."""
        sizes = [card.standing.locked.size for card in self.cards if card.standing.locked]
        return escape(size(sum(sizes))) if sizes else None
