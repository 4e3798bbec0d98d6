"""The Python of a card: it runs as it stands, at the repository's root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_models.cards.markdown import Markdown, literal

if TYPE_CHECKING:
    from restoration_models.catalogue import Model

SAFETENSORS = ".safetensors"


def path(model: Model) -> str:
    """The checkpoint's path from the repository's root."""
    return f"layers/{model.layer}/{model.slug}/{model.file}"


def imports(model: Model) -> list[Markdown]:
    """The imports that `reading` needs: torch, and the modules of reviewed names."""
    if model.file.endswith(SAFETENSORS):
        return [Markdown("import torch"), Markdown("from safetensors.torch import load_file")]
    modules = {name.rpartition(".")[0] for name in model.expects.allow_globals} - {"", "torch"}
    return [Markdown(f"import {module}") for module in ["torch", *sorted(modules)]]


def reading(model: Model) -> list[Markdown]:
    """What reads the state dict into ``weights``, running nothing that the file may hold."""
    lines = [f"path = {literal(path(model))}"]
    key, names = model.expects.wrapper_key, model.expects.allow_globals
    found = 'torch.load(path, map_location="cpu", weights_only=True)'
    if key:
        found += f"[{literal(key)}]"
    if model.file.endswith(SAFETENSORS):
        lines.append("weights = load_file(path)")
    elif names:
        lines.append(f"with torch.serialization.safe_globals([{', '.join(names)}]):")
        lines.append(f"    weights = {found}")
    else:
        lines.append(f"weights = {found}")
    return [Markdown(line) for line in lines]


def published(model: Model) -> str:
    """The call that loads the published model, without a checkout."""
    return f'restoration_models.load({literal(model.slug)}, manifest="s3://models/catalogue.json")'
