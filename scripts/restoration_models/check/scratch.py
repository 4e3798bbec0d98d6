"""The repository's data laid out for DVC under the project's own settings.

The tree that is checked may be a stranger's: its ``.dvc/config`` could send DVC anywhere and its
``dvc.yaml`` could name any file. So the catalogue, the locks and what git keeps of the outputs are
written into a folder of their own, together with the configuration and the pipeline that this
program ships. That the tree's own are the same is a check of its own (`check.own`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from restoration_models import catalogue, lock, schemas, shipped
from restoration_models.catalogue import Catalogue, places
from restoration_models.errors import Problem
from restoration_models.lock import LockUnreadable
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.revision import Blob

LARGEST = 16_000_000
"""Bytes; a larger file is none of this project's, and is not laid out."""
CORRECT = f"correct it; {schemas.FOLDER}/ says what each key may hold"
ROUNDS = 4
"""How often faulty entries are set aside before the catalogue is given up."""

HEAD_VARS = "../../params.yaml"
"""The file that the layers' pipeline names under vars."""
PROTOCOL_FILE = "protocol.yaml"
"""What stands in its place here; the stages, and so what is compared with the lock, are the same."""

_CATALOGUE = re.compile(r"params\.yaml|layers/[^/]+/params\.yaml")
_DATA = re.compile(
    r"(params\.yaml|dvc\.lock|schemas/[^/]+|layers/[^/]+/(params\.yaml|dvc\.lock|README\.md"
    r"|reports/[^/]+|[^/]+/README\.md))"
)
"""What is laid out."""
_PICTURE = re.compile(r"layers/[^/]+/[^/]+/sample\.png")
_ENTRY = re.compile(r"models\.([a-z0-9-]+)|models\['(.*?)'\]")


@dataclass(slots=True)
class Laid:
    """A tree's data in a folder of its own, and what could be read of it."""

    project: Project
    catalogue: Catalogue | None = None
    """Without what is set aside; None where not even that could be loaded."""
    problems: list[Problem] = field(default_factory=list)
    """Why something was set aside."""
    aside: set[str] = field(default_factory=set)
    """Models whose entries are faulty."""
    layers_aside: set[str] = field(default_factory=set)
    """Layers whose catalogue or lock cannot be read."""

    @property
    def whole(self) -> bool:
        """Whether everything could be read."""
        return not self.problems


def is_data(blob: Blob) -> bool:
    """Whether `blob` is one of the files that the checks of models read, pictures included."""
    ours = _DATA.fullmatch(blob.path) or _PICTURE.fullmatch(blob.path)
    return ours is not None and blob.regular and blob.size <= LARGEST


@contextmanager
def laid_out(contents: Mapping[str, bytes], *, catalogue_only: bool = False) -> Iterator[Laid]:
    """Lay out the data among `contents` (path to bytes) and load the catalogue as far as it is valid.

    Pictures are left out: nothing but their digest is asked for. The folder ends with the context.
    """
    with TemporaryDirectory(prefix="models-check-") as name:
        root = Path(name).resolve()
        wanted = _CATALOGUE if catalogue_only else _DATA
        _write(root, {path: content for path, content in contents.items() if wanted.fullmatch(path)})
        (root / LAYERS_FOLDER).mkdir(exist_ok=True)
        laid = Laid(Project(root))
        _load(laid)
        if not catalogue_only:
            _read_locks(laid)
            _steer(root, laid)
        yield laid


def _write(root: Path, contents: Mapping[str, bytes]) -> None:
    made: set[Path] = set()
    for path, content in contents.items():
        target = root / path
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        target.write_bytes(content)


def _steer(root: Path, laid: Laid) -> None:
    """Put in place what steers DVC: ours, whatever the tree has."""
    (root / ".dvc").mkdir()
    # DVC keeps notes on every repository it ever opened; these are to vanish with the folder.
    own = f"[core]\n    no_scm = true\n    site_cache_dir = {json.dumps(str(root / '.dvc' / 'site'))}\n"
    (root / ".dvc" / "config").write_text(shipped.dvc_config(), encoding="utf-8")
    (root / ".dvc" / "config.local").write_text(own, encoding="utf-8")
    (root / "dvc.yaml").write_text(shipped.root_pipeline(), encoding="utf-8")
    if laid.catalogue is None:
        return
    # DVC reads the head anew for every layer; all that a layer's stages take from it is the protocol.
    protocol = f"validation: {{protocol: {laid.catalogue.protocol}}}\n"
    (root / ".dvc" / PROTOCOL_FILE).write_text(protocol, encoding="utf-8")
    pipeline = shipped.layer_pipeline().replace(HEAD_VARS, f"../../.dvc/{PROTOCOL_FILE}")
    for layer in laid.catalogue.layers:
        folder = laid.project.layer(layer.slug)
        (folder / "dvc.yaml").write_text(pipeline, encoding="utf-8")
        (folder / "reports").mkdir(exist_ok=True)


def _load(laid: Laid) -> None:
    """Load the catalogue; set faulty entries aside until the rest is valid."""
    loaded, problems = catalogue.examine(laid.project)
    laid.problems += [replace(one, remedy=one.remedy or CORRECT) for one in problems]
    for _ in range(ROUNDS):
        if loaded is not None or not _set_aside(laid, problems):
            break
        loaded, problems = catalogue.examine(laid.project)
    laid.catalogue = loaded


def _set_aside(laid: Laid, problems: list[Problem]) -> bool:
    """Take the entries that `problems` are about out of the laid-out files; whether that was possible."""
    entries: dict[str, set[str]] = {}
    layers: set[str] = set()
    for problem in problems:
        found = re.fullmatch(rf"{LAYERS_FOLDER}/([^/]+)/{CATALOGUE_FILE}", problem.file)
        if found is None:
            return False  # the head: everything else rests on it
        entry = _ENTRY.match(problem.key)
        if entry is None:
            layers.add(found[1])
        else:
            entries.setdefault(found[1], set()).add(entry[1] or entry[2])
    for layer, slugs in entries.items():
        if layer not in layers and not _without(laid, layer, slugs):
            layers.add(layer)
    return not layers or _without_layers(laid, layers)


def _without(laid: Laid, layer: str, slugs: set[str]) -> bool:
    path = laid.project.layer_catalogue(layer)
    data = places.read(path, "").data
    if not isinstance(data, dict) or not isinstance(data.get("models"), dict):
        return False
    kept = {slug: entry for slug, entry in data["models"].items() if slug not in slugs}
    if len(kept) == len(data["models"]):
        return False
    _rewrite(path, {**data, "models": kept})
    laid.aside |= slugs
    return True


def _without_layers(laid: Laid, layers: set[str]) -> bool:
    head = places.read(laid.project.head, "").data
    listed = head.get("layers") if isinstance(head, dict) else None
    kept = [layer for layer in listed if layer not in layers] if isinstance(listed, list) else []
    if not kept:
        return False
    for layer in layers:
        data = places.read(laid.project.layer_catalogue(layer), "").data
        named = data.get("models") if isinstance(data, dict) else None
        laid.aside |= set(named) if isinstance(named, dict) else set()
        laid.project.layer_catalogue(layer).unlink(missing_ok=True)
    _rewrite(laid.project.head, {**head, "layers": kept})
    laid.layers_aside |= layers
    return True


def _rewrite(path: Path, data: Any) -> None:
    # JSON is YAML whose texts are all between quotes.
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")


def _read_locks(laid: Laid) -> None:
    """Set aside the layers whose locks cannot be read, and the root's lock if that is the one."""
    unreadable: set[str] = set()
    for path in sorted((laid.project.root / LAYERS_FOLDER).glob("*/dvc.lock")):
        layer = path.parent.name
        try:
            lock.read(laid.project, layer)
        except LockUnreadable as error:
            laid.problems.append(_as_problem(error))
            unreadable.add(layer)
    root_lock = laid.project.root / "dvc.lock"
    try:
        if root_lock.is_file():
            lock.parse(root_lock.read_text(encoding="utf-8", errors="replace"), "dvc.lock")
    except LockUnreadable as error:
        laid.problems.append(_as_problem(error))
        root_lock.unlink()
    if unreadable:
        # Those layers lose nothing but the check of what their locks say.
        for name in unreadable:
            laid.project.lock(name).unlink()
        laid.layers_aside |= unreadable


def _as_problem(error: LockUnreadable) -> Problem:
    where = error.where or "dvc.lock"
    file, _, rest = where.partition(":")
    line, _, key = rest.partition(":") if rest[:1].isdigit() else ("0", "", rest)
    return Problem(file, int(line), key.strip(), error.what, error.remedy or "")
