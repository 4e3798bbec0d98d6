"""The front matter of a card: the metadata that the Hugging Face hub reads."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from restoration_models.cards.figures import number, primary
from restoration_models.cards.markdown import one_line

if TYPE_CHECKING:
    from restoration_models.cards.texts import Texts
    from restoration_models.catalogue import Catalogue, Family, Licence, Metric, Model

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # a PyYAML without libyaml writes the same, slowly
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]

_COMMON = re.compile(r"[\x20-\x7e\u00a1-\u024f\u0370-\u03ff\u2010-\u2027\u2190-\u21ff]*")
_ENDLESS = 2**31 - 1
"""Characters of a line: none is folded."""

PIPELINE_TAG = "image-to-image"
LIBRARY = "pytorch"
"""What reads the files; which library builds the network is another matter, and a card's body says it."""

LICENCES = frozenset(
    {
        "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause",
        "bsd-3-clause-clear", "bsl-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0",
        "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0",
        "etalab-2.0", "eupl-1.1", "eupl-1.2", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0",
        "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "ofl-1.1", "osl-3.0", "postgresql", "unlicense",
        "wtfpl", "zlib",
    }
)  # fmt: skip
"""Identifiers of the hub that are the SPDX ones in lower case."""
RENAMED = {
    "c-uda-1.0": "c-uda",
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
}
_VERSION_CHOICE = re.compile(r"(-only|-or-later|\+)$")


def licence(found: Licence, family: Family) -> dict[str, str]:
    """The licence's keys: one of the hub's identifiers, or ``other`` with a name and where to read."""
    spdx = found.spdx.lower()
    identifier = RENAMED.get(spdx, _VERSION_CHOICE.sub("", spdx))
    if identifier in LICENCES or identifier in RENAMED.values():
        return {"license": identifier}
    return {
        "license": "other",
        "license_name": re.sub(r"[^a-z0-9.-]+", "-", spdx),
        "license_link": found.source or family.upstream,
    }


def model(catalogue: Catalogue, found: Model, texts: Texts) -> str:
    """The front matter of a model's card, between its ``---`` lines."""
    family = catalogue.family(found)
    tags = ["image-restoration", found.task.value, found.family, found.layer]
    data: dict[str, Any] = {
        **licence(catalogue.licence(found), family),
        "library_name": LIBRARY,
        "pipeline_tag": PIPELINE_TAG,
        "tags": [*tags, "withdrawn"] if found.withdrawn else tags,
    }
    if found.base:
        data["base_model"] = found.base
    results = _results(found, family, texts)
    if results:
        kinds = [metric["type"] for result in results for metric in result["metrics"]]
        data["metrics"] = list(dict.fromkeys(kinds))
        data["model-index"] = [{"name": found.slug, "results": results}]
    return _dump(data)


def layer(tasks: Sequence[str], name: str) -> str:
    """The front matter of a layer's card."""
    tags = ["image-restoration", *dict.fromkeys(tasks), name]
    return _dump({"library_name": LIBRARY, "pipeline_tag": PIPELINE_TAG, "tags": tags})


def _results(found: Model, family: Family, texts: Texts) -> list[dict[str, Any]]:
    """The reported figures that the format can hold.

    It takes one source for a data set, and asks for that source's address: so the best source of
    each data set, and none that has no address. The card's own table has them all.
    """
    groups: dict[tuple[str, str | None, float | None], dict[str, Any]] = {}
    for metric in primary(found.metrics):
        kind = re.sub(r"[^a-z0-9]+", "-", metric.dataset.lower()).strip("-")
        source = source_address(metric, family)
        if not kind or source is None or not math.isfinite(metric.value):
            continue
        split = one_line(metric.split) if metric.split else None
        config = f"sigma-{number(metric.sigma)}" if metric.sigma else None
        dataset = {"name": one_line(metric.dataset), "type": kind, "config": config, "split": split}
        result = groups.setdefault(
            (metric.dataset, split, metric.sigma),
            {
                "task": {"type": PIPELINE_TAG, "name": str(texts(f"task.{found.task}"))},
                "dataset": {key: value for key, value in dataset.items() if value is not None},
                "metrics": [],
                "source": {"url": source, "name": str(texts(f"source.{metric.source}"))},
            },
        )
        details = ", ".join(part for part in (metric.channel, metric.unit) if part)
        name = f"{metric.metric} ({details})" if details else metric.metric
        entry: dict[str, Any] = {"type": metric.metric.lower(), "value": metric.value, "name": name}
        result["metrics"].append(entry)
    return list(groups.values())


def source_address(metric: Metric, family: Family) -> str | None:
    """Where a figure's source can be read, or None where no address is known."""
    paper = family.paper
    match metric.source:
        case "paper" if paper.arxiv:
            return f"https://arxiv.org/abs/{paper.arxiv}"
        case "author-readme":
            return family.upstream
        case "mmagic-reeval":
            return "https://github.com/open-mmlab/mmagic"
        case _:
            return None


def _dump(data: dict[str, Any]) -> str:
    # libyaml writes the same text ten times as fast, but for characters beyond these.
    dumper = _Dumper if _COMMON.fullmatch(repr(data)) else yaml.SafeDumper
    text = yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS)
    return f"---\n{text}---"
