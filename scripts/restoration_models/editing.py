"""A change of the catalogue and of all that follows from it: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from restoration_models import evidence, recovery, stages
from restoration_models.catalogue import Catalogue, examine, rules
from restoration_models.download.lock import held
from restoration_models.errors import ModelProblem, Problem, UsageProblem
from restoration_models.files import write_bytes
from restoration_models.project import Project
from restoration_models.rollback import Rollback

EDIT_LOCK = "edit.lock"
"""In the project's scratch space: who has it edits the catalogue."""
WAITING = "another command is editing the catalogue; waiting for it"

Say = Callable[[str], None]
"""Told, in a few words, what is being done."""


class BadName(UsageProblem):
    """Not a name that a model, a layer or a family can have."""

    def __init__(self, name: str, what: str, remedy: str) -> None:
        super().__init__(what, where=name, remedy=remedy)


class NameTaken(ModelProblem):
    """The name is another's."""

    def __init__(self, name: str, what: str, remedy: str) -> None:
        super().__init__(what, where=name, remedy=remedy)


class EntryRefused(ModelProblem):
    """The catalogue would not be valid with the change in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(f"{one.key}: {one.what}" if one.key else str(one) for one in problems)
        super().__init__(
            f"the catalogue would not be valid: {told}", remedy="choose other values; nothing was changed"
        )


def silent(words: str) -> None:
    """Tell nobody."""
    del words


@dataclass(frozen=True, slots=True)
class Editing:
    """An edit under way; get one from `editing`."""

    project: Project
    rollback: Rollback
    say: Say

    def keep_layer(self, layer: str, *slugs: str) -> None:
        """Remember the files of `layer` that its stages and cards write; of the models `slugs`, all."""
        project, folder = self.project, self.project.layer(layer)
        self.rollback.keep(
            project.root / "dvc.lock",
            project.layer_catalogue(layer),
            project.lock(layer),
            project.layer_card(layer),
            folder / ".gitignore",
            *sorted(folder.glob("*/README.md")),
        )
        for slug in slugs:
            own = (project.report(layer, slug), project.picture(layer, slug), project.card(layer, slug))
            self.rollback.keep(*own, project.model(layer, slug) / ".gitignore")

    def create_model(self, layer: str, slug: str, file: str) -> None:
        """Note that the folder of the model `slug` may come to be, with its checkpoint `file`."""
        project = self.project
        self.rollback.create(project.model(layer, slug), project.checkpoint(layer, slug, file))

    def write(self, path: Path, text: str) -> None:
        """Give a file that people write too another text."""
        self.rollback.keep(path)
        content = text.encode("utf-8")
        self.rollback.write(path, content)
        write_bytes(path, content, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)

    def rewrite(self, path: Path, change: Callable[[str], str]) -> None:
        """Replace the text of a file that people write too by what `change` makes of it."""
        before = path.read_bytes().decode("utf-8")
        after = change(before)
        if after != before:
            self.write(path, after)

    def reload(self) -> Catalogue:
        """The catalogue as it is now; raises `EntryRefused`."""
        catalogue, problems = examine(self.project)
        if catalogue is None:
            raise EntryRefused(problems)
        return catalogue

    def run(self, targets: Sequence[str], *, slug: str = "") -> None:
        """Run stages; see `stages.run`."""
        self.say(f"running {', '.join(target.rpartition(':')[2] for target in targets)}")
        try:
            stages.run(self.project, targets, slug=slug)
        except stages.StageFailed as error:
            # All of it is put back here: a person who did so again would lose other work.
            error.remedy = (error.remedy or "").partition(evidence.WAY_BACK)[0].rstrip("; ") or None
            raise


@contextmanager
def editing(project: Project, what: str, say: Say = silent) -> Iterator[Editing]:
    """Edit the catalogue of `project`, alone; `what` is the command, as a person gives it.

    Whatever fails inside is taken back, and so is, before, what was killed half way.
    """
    with _alone(project, say):
        recovery.take_back(project, say)
        with Rollback(project, what) as rollback:
            yield Editing(project, rollback, say)


def take_back_killed(project: Project, say: Say) -> None:
    """Take back what was killed half way, before the catalogue is read; see `recovery.take_back`."""
    if project.edit_journal.exists():
        with _alone(project, say):
            recovery.take_back(project, say)


@contextmanager
def _alone(project: Project, say: Say) -> Iterator[None]:
    project.temporary.mkdir(parents=True, exist_ok=True)
    with held(project.temporary / EDIT_LOCK, lambda: say(WAITING)):
        yield


def require_name(name: str) -> None:
    """Raise `BadName` where a model or layer cannot be called `name`."""
    if fault := rules.check_name(name):
        raise BadName(name, *fault)


def require_free(project: Project, catalogue: Catalogue, layer: str, slug: str, option: str) -> None:
    """Raise `NameTaken` where the catalogue, or what is left of a former model, has `slug`."""
    for model in catalogue.models:
        if model.slug == slug:
            raise NameTaken(slug, f"is already a model of {model.layer}", f"choose another with {option}")
    for path in (project.model(layer, slug), project.report(layer, slug)):
        if path.exists():
            what = f"{project.relative(path)} is there already, of no model of the catalogue"
            raise NameTaken(slug, what, f"delete it, or choose another with {option}")
