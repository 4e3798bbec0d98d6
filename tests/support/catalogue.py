"""Small catalogues on disk, valid until a test changes them."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from restoration_models.catalogue import examine
from restoration_models.errors import Problem
from restoration_models.project import Project

HEAD: dict[str, Any] = {
    "validation": {"protocol": 1},
    "language": "es",
    "layers": ["layer-1"],
    "families": {
        "restormer": {
            "title": "Restormer",
            "architecture": "Restormer",
            "paper": {"title": "A paper", "venue": "CVPR 2022"},
            "upstream": "https://github.com/swz30/Restormer",
            "licence": {"spdx": "MIT", "commercial-use": "unclear"},
            "head": ["output.*"],
        }
    },
}


def entry(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A valid entry, unlike that of any other `number`; a change to None takes a key away."""
    data: dict[str, Any] = {
        "family": "restormer",
        "task": "denoising-real",
        "file": f"weights-{number}.pth",
        "size": 100 + number,
        "sha256": f"{number:064x}",
        "sources": [f"https://example.com/weights-{number}.pth"],
        "expects": {"architecture": "Restormer", "wrapper-key": "params", "input-channels": 3},
    }
    data |= {key.replace("_", "-"): value for key, value in changes.items()}
    return {key: value for key, value in data.items() if value is not None}


def head(**changes: Any) -> dict[str, Any]:
    """A valid head with one layer, layer-1, and one family, restormer."""
    return {**copy.deepcopy(HEAD), **changes}


def layer(models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A valid layer of `models`."""
    own = {"title": "A layer", "purpose": "To restore", "publish": "pretrained_models/layer_1"}
    return {**own, **changes, "models": models}


class _Quoting(yaml.SafeDumper):
    """Quotes every text, and never writes an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"')
)


def text(data: Any) -> str:
    """`data` as YAML with its texts quoted, keys in their order, a key a line."""
    return yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000)


def write(root: Path, top: dict[str, Any] | str, layers: dict[str, dict[str, Any] | str | bytes]) -> Project:
    """Write a catalogue below `root`: data, or a file's text or bytes as they are to be."""
    (root / "layers").mkdir(exist_ok=True)
    (root / "params.yaml").write_text(top if isinstance(top, str) else text(top), encoding="utf-8")
    for name, data in layers.items():
        folder = root / "layers" / name
        folder.mkdir(exist_ok=True)
        content = data if isinstance(data, str | bytes) else text(data)
        (folder / "params.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return Project(root)


def problems(project: Project) -> list[Problem]:
    """What the loader finds; a catalogue is there if and only if there is nothing."""
    found, problems = examine(project)
    assert (found is None) == bool(problems)
    assert problems == sorted(problems)
    return problems


def large(
    root: Path, like: Any, *, layers: int, models: int, change: Callable[[int, Any], Any] | None = None
) -> Project:
    """A catalogue of `layers` layers with `models` models each, entries of real size: copies of `like`'s.

    `change` makes another entry of the copy of a number.
    """
    names = [f"layer-{number}" for number in range(1, layers + 1)]
    families = {key: _data(family) for key, family in like.families.items()}
    written: dict[str, dict[str, Any] | str | bytes] = {}
    for index, name in enumerate(names):
        entries = {}
        for offset in range(models):
            number = index * models + offset
            data = _data(like.models[number % len(like.models)], without=("slug", "layer", "aliases"))
            data |= {"sha256": f"{number:064x}", "file": f"weights-{number}.pth"}
            entries[f"model-{number}"] = change(number, data) if change else data
        written[name] = layer(entries)
    return write(root, head(layers=names, families=families), written)


def unlike(number: int, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with texts, addresses, digests and figures that no other `number` has."""
    by_chance = random.Random(number)

    def other(text: str) -> str:
        words = text.split(" ")
        by_chance.shuffle(words)
        return " ".join(
            word if by_chance.random() < 0.7 else f"{word[:1]}{by_chance.randrange(9**4)}" for word in words
        )

    def told(found: Any) -> Any:
        if isinstance(found, list):
            return [told(one) for one in found]
        return {key: other(one) for key, one in found.items()} if isinstance(found, dict) else other(found)

    texts = {key: told(entry[key]) for key in ("description", "notes", "training-data") if key in entry}
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    file, metrics = f"{digest[:9]}.pth", entry.get("metrics", [])
    own = {
        "file": file,
        "sha256": digest,
        "size": by_chance.randrange(10**6, 10**9),
        "sources": [f"https://example.org/{by_chance.randbytes(20).hex()}/{file}" for _ in range(3)],
        "metrics": [one | {"value": round(20 + 20 * by_chance.random(), 4)} for one in metrics],
    }
    return entry | texts | own


def _data(model: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        model.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(without))
    )
    return data
