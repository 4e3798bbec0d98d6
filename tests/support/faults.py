"""Catalogues with one fault, and the words that the messages share."""

from __future__ import annotations

from typing import Any

import pytest

from support.catalogue import entry, head, layer

L = "layers/layer-1/params.yaml"
KEBAB = "use at most 80 lower-case letters, digits and single dashes, a letter first"
WORD = "must be letters, digits and . _ + -, a letter, digit or _ first"
TASKS = (
    "denoising-real, denoising-gaussian-color, denoising-gaussian-gray, deraining, motion-deblurring, "
    "deblurring-jpeg, defocus-deblurring, defocus-deblurring-dual-pixel, document-unwarping"
)
Files = tuple[dict[str, Any], dict[str, Any]]


def case(name: str, files: Files, *expected: str) -> Any:
    return pytest.param(files, list(expected), id=name)


def without_none(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}


def one(**changes: Any) -> Files:
    return head(), {"layer-1": layer({"a": entry(1, **changes)})}


def two(**changes: Any) -> Files:
    return head(), {"layer-1": layer({"a": entry(1), "b": entry(2, **changes)})}


def slug(name: str) -> Files:
    return head(), {"layer-1": layer({name: entry()})}


def expects(**changes: Any) -> Files:
    changes = {"architecture": "Restormer", **changes}
    return one(expects={key.replace("_", "-"): value for key, value in changes.items()})


def metric(**changes: Any) -> Files:
    return one(
        metrics=[without_none({"dataset": "D", "metric": "PSNR", "value": 1.5, "source": "paper", **changes})]
    )


def top(**changes: Any) -> Files:
    return without_none({**head(), **changes}), {"layer-1": layer({"a": entry()})}


def family(**changes: Any) -> Files:
    known = head()["families"]["restormer"]
    changes = {key.replace("_", "-"): value for key, value in changes.items()}
    return top(families={"restormer": without_none({**known, **changes})})


def families(name: str) -> Files:
    known = head()["families"]
    return top(families={**known, name: known["restormer"]})


def paper(**changes: str | float) -> Files:
    return family(paper={"title": "a", "venue": "b", **changes})


def own(**changes: Any) -> Files:
    """Changes of the layer's own fields."""
    return head(), {"layer-1": without_none({**layer({"a": entry()}), **changes})}


def both(first: dict[str, Any], second: dict[str, Any]) -> Files:
    return head(), {"layer-1": layer({"a": entry(1, **first), "b": entry(2, **second)})}
