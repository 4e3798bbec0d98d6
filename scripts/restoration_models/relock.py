"""Editing a layer's lock: entries of a model taken out, or moved to another name.

Written with DVC's own YAML library and settings, so that DVC's next run changes nothing but
what it means to.
"""

from __future__ import annotations

import io
from typing import Any

from restoration_models.lock import LockUnreadable

STEPS = ("download", "validate")


def without(text: str, slug: str) -> str | None:
    """The lock without the stages of `slug`; None where it would hold none: DVC removes it then."""
    data = _read(text)
    for step in STEPS:
        data["stages"].pop(f"{step}@{slug}", None)
    return _text(data) if data["stages"] else None


def renamed(text: str, old: str, new: str) -> str:
    """The lock with the download of `old` under the name `new`, and without its validation.

    The download's bytes are the same, so it need not run again. The validation's report names
    the model: that evidence has to be made anew, not relabelled.
    """
    data = _read(text)
    stages = data["stages"]
    place = list(stages).index(f"download@{old}") if f"download@{old}" in stages else None
    stages.pop(f"validate@{old}", None)
    if place is not None:
        stage = stages.pop(f"download@{old}")
        words = str(stage["cmd"]).split()
        stage["cmd"] = " ".join([*words[:2], new, *words[3:]])
        for out in stage["outs"]:
            out["path"] = f"{new}/{str(out['path']).partition('/')[2]}"
        stages.insert(place, f"download@{new}", stage)
    return _text(data)


def _read(text: str) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        data = _yaml().load(text)
    except YAMLError as error:
        raise LockUnreadable("dvc.lock", "not valid YAML") from error
    if not isinstance(data, dict) or not isinstance(data.get("stages"), dict):
        raise LockUnreadable("dvc.lock", "holds no stages")
    return data


def _text(data: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(data, stream)
    return stream.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    return yaml
