"""Scenes of the commands that edit the catalogue: what they leave when they are killed is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from faults import scenes
from faults.bench import Bench, Scene

EDITS = {
    "rename": ("rename", "sharpener", "crisp"),
    "remove": ("remove", "sharpener"),
    "withdraw": ("withdraw", "sharpener", "--why", "It wipes out stamps"),
    "replace": ("replace", "sharpener", "third.pth"),
    "add-layer": ("add-layer", "layer-2", "--title", "Last", "--purpose", "To finish"),
}


def scene_of(bench: Bench, name: str) -> Callable[[Path], AbstractContextManager[Scene]]:
    """The scene of that edit, of a model that ran."""
    return partial(_edit, bench, EDITS[name])


@contextmanager
def _edit(bench: Bench, words: tuple[str, ...], root: Path) -> Iterator[Scene]:
    scenes.copy(bench.finished.root, root)
    files = {path.name: str(path) for path in bench.upstream.glob("*.pth")}
    arguments = tuple(files.get(word, word) for word in words)
    yield Scene(root, "models", arguments, bench.log(root), former=scenes.tree(root))
