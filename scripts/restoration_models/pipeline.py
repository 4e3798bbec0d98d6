"""The DVC graph as it stands: every live stage compared with its lock entry.

DVC's own dry run cannot tell this in a clone without weights, so the stages are loaded through
DVC's library and compared here. Nothing is run and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from restoration_models import lock
from restoration_models.errors import ModelProblem
from restoration_models.project import Project

_Look = Callable[[Any], Iterator[str]]


class PipelineUnreadable(ModelProblem):
    """DVC cannot read the pipeline."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"DVC cannot read the pipeline: {reason}",
            where="dvc.yaml",
            remedy="mend the catalogue or dvc.yaml; `dvc stage list --all` shows the same",
        )


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


def read(project: Project, digests: Mapping[str, str] | None = None) -> Pipeline:
    """Load the pipeline and its locks. Raises `PipelineUnreadable`.

    `digests` has the md5 of every file that git keeps, by its path from the root: those files are
    then looked up there and nowhere else, be they in the folder or not.
    """
    from dvc.exceptions import DvcException

    try:
        with _repo(project) as repo:
            stages = [stage for stage in repo.index.stages if getattr(stage, "name", None)]
            checkpoints = {out.fs_path: out for stage in stages for out in stage.outs if out.use_cache}
            look = partial(_workspace_difference, project=project, digests=digests)
            states = (_state(project, stage, checkpoints, look) for stage in stages)
            return Pipeline(tuple(sorted(states, key=_order)), tuple(_orphans(project, stages)))
    except DvcException as error:
        raise PipelineUnreadable(" ".join(str(error).split())) from error


@contextmanager
def _repo(project: Project) -> Iterator[Any]:
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
        else:
            yield from look(dependency)
    for out in stage.outs:
        if not out.use_cache:
            yield from look(out)


def _workspace_difference(item: Any, project: Project, digests: Mapping[str, str] | None) -> Iterator[str]:
    """How a file that git keeps differs from what the lock says of it."""
    if not item.hash_info:
        yield f"{item.def_path} is not in the lock"
    elif digests is not None and not item.hash_info.isdir:
        digest = digests.get(project.relative(Path(item.fs_path)))
        if digest is None:
            yield f"{item.def_path} is missing"
        elif digest != item.hash_info.value:
            yield f"{item.def_path} is not the one that was locked"
    elif not item.exists:
        yield f"{item.def_path} is missing"
    elif item.changed_checksum():
        yield f"{item.def_path} is not the one that was locked"


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
