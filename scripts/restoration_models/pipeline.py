"""The DVC graph as it stands: every live stage compared with its lock entry.

DVC's own dry run cannot tell this in a clone without weights, so the stages are loaded through
DVC's library and compared here. Nothing is run and nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from restoration_models import lock
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.project import Project

Facts = tuple[str, int]
"""A file's md5, and its length in bytes."""
_Look = Callable[[Any], Iterator[str]]


class PipelineUnreadable(ModelProblem):
    """DVC cannot read the pipeline."""

    def __init__(self, reason: str, file: str = "dvc.yaml") -> None:
        remedy = (
            "restore it with git checkout, then run `dvc repro`"
            if file.endswith(".lock")
            else "mend the catalogue or dvc.yaml; `dvc stage list --all` shows the same"
        )
        super().__init__(f"DVC cannot read the pipeline: {reason}", where=file, remedy=remedy)


@dataclass(frozen=True, slots=True)
class StageState:
    """A live stage and how far its lock entry is from it."""

    file: str
    """The dvc.yaml it comes from, relative to the root."""
    name: str
    """``download@uvdoc``, ``validate@uvdoc`` or ``cards@layer-2``."""
    command: str
    locked: bool
    differences: tuple[str, ...]
    """What differs from the lock entry; empty where it is in step or there is no entry."""

    @property
    def kind(self) -> str:
        """``download``, ``validate`` or ``cards``."""
        return self.name.partition("@")[0]

    @property
    def item(self) -> str:
        """The model's slug, or the layer for cards."""
        return self.name.partition("@")[2]

    @property
    def lock_file(self) -> str:
        """The dvc.lock beside the stage's dvc.yaml."""
        return str(Path(self.file).with_suffix(".lock"))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All live stages, and the lock entries that no live stage has."""

    stages: tuple[StageState, ...]
    orphans: tuple[tuple[str, str], ...]
    """(dvc.lock relative to the root, stage name)."""


def read(project: Project, digests: Mapping[str, Facts] | None = None) -> Pipeline:
    """Load the pipeline and its locks. Raises `PipelineUnreadable`, `LockUnreadable`.

    `digests` has the md5 and the size of every file that git keeps, by its path from the root: those
    files are then looked up there and nowhere else, be they in the folder or not.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.strictyaml import YAMLValidationError

    try:
        with opened(project) as repo:
            stages = [stage for stage in repo.index.stages if getattr(stage, "name", None)]
            checkpoints = {out.fs_path: out for stage in stages for out in stage.outs if out.use_cache}
            look = partial(_workspace_difference, project=project, digests=digests)
            states = (_state(project, stage, checkpoints, look) for stage in stages)
            return Pipeline(tuple(sorted(states, key=_order)), tuple(_orphans(project, stages)))
    except RestorationModelsError:
        raise
    except YAMLValidationError as error:
        # Its own text names the file by the way to it from the folder that we are in.
        file = os.path.relpath(Path(error.path).resolve(), project.root.resolve())
        found = error.exc.errors[0]
        where = " in ".join(str(part) for part in reversed(found.path))
        raise PipelineUnreadable(f"{found.error_message}: {where}", file) from error
    except DvcException as error:
        raise PipelineUnreadable(" ".join(str(error).split())) from error
    except Exception as error:  # DVC trusts the values of a lock, and stumbles in its own ways
        raise PipelineUnreadable(f"{type(error).__name__}: {error}") from error


@contextmanager
def opened(project: Project) -> Iterator[Any]:
    """DVC's own view of `project`: a `dvc.repo.Repo`."""
    from dvc.repo import Repo

    with Repo(str(project.root)) as repo:
        yield repo


def _order(state: StageState) -> tuple[str, str]:
    return state.file, state.name


def _state(project: Project, stage: Any, checkpoints: dict[str, Any], look: _Look) -> StageState:
    locked = any(out.hash_info for out in stage.outs)
    differences = tuple(_differences(stage, checkpoints, look)) if locked else ()
    file = project.relative(Path(stage.path))
    return StageState(file, str(stage.name), str(stage.cmd), locked, differences)


def _differences(stage: Any, checkpoints: dict[str, Any], look: _Look) -> Iterator[str]:
    if stage.cmd_changed:
        yield "the command is another one"
    for dependency in stage.deps:
        upstream = checkpoints.get(dependency.fs_path)
        if upstream is not None:
            # A checkpoint: its bytes may not be here, the two lock entries are.
            if upstream.hash_info != dependency.hash_info:
                yield f"{dependency.def_path} was locked with other bytes when this ran"
            elif upstream.meta.size != dependency.meta.size:
                yield f"{dependency.def_path} was locked with another size when this ran"
        else:
            yield from look(dependency)
    for out in stage.outs:
        if not out.use_cache:
            yield from look(out)


def _workspace_difference(item: Any, project: Project, digests: Mapping[str, Facts] | None) -> Iterator[str]:
    """How a file that git keeps differs from what the lock says of it."""
    if not item.hash_info:
        yield f"{item.def_path} is not in the lock"
        return
    size: int | None = None
    if digests is not None and not item.hash_info.isdir:
        digest, size = digests.get(project.relative(Path(item.fs_path)), (None, None))
        missing, other = digest is None, digest != item.hash_info.value
    else:
        missing = not item.exists
        other = not missing and item.changed_checksum()
        if not missing:
            path = Path(item.fs_path)
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            size = sum(file.stat().st_size for file in files)
    if missing:
        yield f"{item.def_path} is missing"
    elif other:
        yield f"{item.def_path} is not the one that was locked"
    elif item.meta.size not in (None, size):
        yield f"{item.def_path} has {size} bytes, the lock says {item.meta.size}"


def _orphans(project: Project, stages: list[Any]) -> Iterator[tuple[str, str]]:
    live: dict[str, set[str]] = {}
    for stage in stages:
        live.setdefault(stage.path, set()).add(stage.name)
    # A layer whose last model was removed has a lock and no live stage.
    locks = [project.root / "dvc.lock", *project.root.glob("layers/*/dvc.lock")]
    paths = {*live, *(str(file.with_suffix(".yaml")) for file in locks)}
    for path in sorted(paths):
        file = Path(path).with_suffix(".lock")
        if not file.is_file():
            continue
        name = project.relative(file)
        locked = lock.parse(file.read_text(encoding="utf-8"), name).stages
        for stage_name in sorted(set(locked) - live.get(path, set())):
            yield name, stage_name
