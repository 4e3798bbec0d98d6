"""Model cards: a README for every model and layer, from the catalogue, the lock and the reports.

The same commit gives the same text on every machine. Nothing here needs torch.
"""

from restoration_models.cards.files import stale, write_layer
from restoration_models.cards.markdown import Markdown, escape
from restoration_models.cards.render import render_layer, render_model

__all__ = ["Markdown", "escape", "render_layer", "render_model", "stale", "write_layer"]
