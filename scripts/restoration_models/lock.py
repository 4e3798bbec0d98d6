"""What DVC has locked, and the state of every model that follows from it.

Reads ``layers/<layer>/dvc.lock`` as DVC writes it. Nothing here needs DVC, torch or the weights.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from restoration_models.errors import ModelProblem
from restoration_models.report import Report, UnreadableReport

if TYPE_CHECKING:
    from restoration_models.catalogue import Catalogue, Model
    from restoration_models.project import Project

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML without libyaml reads the same, slowly
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)", re.MULTILINE)
"""A mark that git leaves between two sides."""
_MD5 = re.compile(r"[0-9a-f]{32}")
_ANY_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
"""Of a file, or of a folder."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class LockUnreadable(ModelProblem):
    """A lock file is not what DVC writes for this project's stages."""

    def __init__(self, where: str, what: str, *, remedy: str | None = None) -> None:
        super().__init__(
            what, where=where, remedy=remedy or "restore it with git checkout, then run `dvc repro`"
        )


class State(StrEnum):
    """How far a model has come; each state includes the ones before it."""

    DECLARED = "declared"
    """In the catalogue, and nothing more."""
    LOCKED = "locked"
    """The catalogue's file was downloaded somewhere, and its digests are in dvc.lock."""
    VALIDATED = "validated"
    """A validation of this very file, as the catalogue asks for it now, left its evidence."""


class Reason(StrEnum):
    """Why a model has not come further."""

    NEVER_RUN = "never-run"
    OTHER_FILE = "other-file"
    """What is locked is another file than the catalogue's."""
    NOT_VALIDATED = "not-validated"
    OTHER_PROTOCOL = "other-protocol"
    CHANGED = "changed"
    """The catalogue asks for another validation now than the one that ran."""
    NO_EVIDENCE = "no-evidence"
    """The report is missing, or is not the one that the lock names."""


@dataclass(frozen=True, slots=True)
class LockedValidation:
    """A validation that ran, as its stage is locked."""

    command: str
    protocol: int
    task: str
    report_md5: str
    picture_md5: str
    weights_md5: str
    """Of the checkpoint that was validated."""


@dataclass(frozen=True, slots=True)
class LockedModel:
    """A checkpoint that was downloaded, as its stage is locked."""

    slug: str
    path: str
    """Of the checkpoint, relative to the layer's folder: ``uvdoc/best_model.pkl``."""
    sha256: str
    """From the command of the download, which proved it."""
    md5: str
    """DVC's address of the content."""
    size: int
    """Bytes."""
    validated: LockedValidation | None


@dataclass(frozen=True, slots=True)
class Lock:
    """A layer's lock."""

    models: dict[str, LockedModel]
    stages: tuple[str, ...]
    """Names of all locked stages, as in ``download@uvdoc``."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A model's state, what it rests on, and why it is not further."""

    state: State
    reason: Reason | None
    """None where it is validated."""
    locked: LockedModel | None = None
    """None where what is locked is not the catalogue's file."""
    report: Report | None = None
    """The evidence; None where it is not of the catalogue's present model."""


@lru_cache(maxsize=64)
def parse(text: str, name: str) -> Lock:
    """Read the text of a lock file; `name` stands in messages. Raises `LockUnreadable`.

    An empty text is a lock without stages.
    """
    if match := CONFLICT.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise LockUnreadable(
            f"{name}:{line}",
            "holds the marks of a merge conflict",
            remedy="take either side's file, then run `dvc pull --allow-missing` and `dvc repro`",
        )
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        raise LockUnreadable(place, f"not valid YAML: {getattr(error, 'problem', None) or error}") from error
    except (RecursionError, ValueError) as error:
        raise LockUnreadable(name, f"not valid YAML: {error}") from error
    if data is None or (isinstance(data, dict) and "stages" not in data):
        return Lock({}, ())
    stages = _get(data, "stages", dict, name)
    for stage in stages:
        _require_plain(_get(stages, stage, dict, name), f"{name}: stages.{stage}")
    return Lock(
        {
            slug: _model(slug, stages, name)
            for stage in stages
            for step, _, slug in [str(stage).partition("@")]
            if step == "download"
        },
        tuple(str(stage) for stage in stages),
    )


def read(project: Project, layer: str) -> dict[str, LockedModel]:
    """The locked models of `layer` by slug; none where it has no lock. Raises `LockUnreadable`."""
    return _read(project, layer).models


def stale_entries(project: Project, catalogue: Catalogue, layer: str) -> tuple[str, ...]:
    """Names of the locked stages of models that are not in the catalogue, in the lock's order."""
    slugs = {model.slug for model in catalogue.layer(layer).models}
    expected = {f"{step}@{slug}" for step in ("download", "validate") for slug in slugs}
    return tuple(stage for stage in _read(project, layer).stages if stage not in expected)


def state(project: Project, catalogue: Catalogue, model: Model) -> State:
    """How far `model` has come. Raises `LockUnreadable`."""
    return standing(project, catalogue, model, read(project, model.layer)).state


def standings(project: Project, catalogue: Catalogue, layer: str) -> dict[str, Standing]:
    """The standing of every model of `layer` by slug, in the catalogue's order. Raises `LockUnreadable`."""
    locked = read(project, layer)
    models = catalogue.layer(layer).models
    return {model.slug: standing(project, catalogue, model, locked) for model in models}


def standing(
    project: Project, catalogue: Catalogue, model: Model, locked: Mapping[str, LockedModel]
) -> Standing:
    """The standing of `model`, given its layer's lock. What is doubtful does not count as validated."""
    entry = locked.get(model.slug)
    if entry is None:
        return Standing(State.DECLARED, Reason.NEVER_RUN)
    if entry.sha256 != model.sha256 or entry.path != f"{model.slug}/{model.file}":
        return Standing(State.DECLARED, Reason.OTHER_FILE)
    validated = entry.validated
    if validated is None:
        return Standing(State.LOCKED, Reason.NOT_VALIDATED, entry)
    if validated.protocol != catalogue.protocol:
        return Standing(State.LOCKED, Reason.OTHER_PROTOCOL, entry)
    if validated.weights_md5 != entry.md5 or not asked(validated.command, model):
        return Standing(State.LOCKED, Reason.CHANGED, entry)
    report = _evidence(project, model, validated)
    if report is None:
        return Standing(State.LOCKED, Reason.NO_EVIDENCE, entry)
    return Standing(State.VALIDATED, None, entry, report)


def _evidence(project: Project, model: Model, validated: LockedValidation) -> Report | None:
    """The report that the lock names, if it speaks of `model` as the catalogue has it."""
    path = project.report(model.layer, model.slug)
    try:
        content = path.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != validated.report_md5:
            return None
        report = Report.read(path)
    except (OSError, UnreadableReport):
        return None
    said = (report.model, report.protocol, report.task, report.file, report.sha256)
    meant = (model.slug, validated.protocol, model.task, model.file, model.sha256)
    return report if said == meant else None


def asked(command: str, model: Model) -> bool:
    """Whether a validation's command asked for all that the catalogue asks for now."""
    expects = model.expects
    meant: dict[str, tuple[object, ...]] = {
        "--task": (model.task,),
        "--architecture": (expects.architecture,),
        "--wrapper-key": (expects.wrapper_key,),
        "--input-channels": (expects.input_channels,),
        "--min-gain-db": (expects.min_gain_db,),
        "--allow-globals": expects.allow_globals,
    }
    said = _options(command)
    return all(_plain(*said.get(option, [])) == _plain(*values) for option, values in meant.items())


def _options(command: str) -> dict[str, list[str]]:
    """The options of a command with their values, in the order given."""
    options: dict[str, list[str]] = {}
    try:
        words = shlex.split(command)
    except ValueError:
        return options
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word
        elif name:
            options.setdefault(name, []).append(word)
            name = ""
    return options


def _plain(*values: object) -> list[str]:
    """One spelling for the same values: DVC writes a number as the YAML has it, ``1`` or ``1.0``."""
    found = []
    for text in (str(value) for value in values if value is not None):
        try:
            found.append(str(float(text)))
        except ValueError:
            found.append(text)
    return sorted(found)


def _read(project: Project, layer: str) -> Lock:
    path = project.lock(layer)
    name = project.relative(path)
    try:
        return parse(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        return Lock({}, ())
    except UnicodeDecodeError as error:
        raise LockUnreadable(name, "is not UTF-8 text") from error


def _require_plain(stage: dict[str, Any], place: str) -> None:
    """Raise `LockUnreadable` for facts of files that DVC would believe, or stumble over."""
    for kind in ("deps", "outs"):
        for item in _get(stage, kind, list, place) if kind in stage else ():
            where = f"{place}.{kind}: {_get(item, 'path', str, f'{place}.{kind}')}"
            if item.get("hash", "md5") != "md5":
                raise LockUnreadable(f"{where}: hash", "names another digest than md5")
            digest = item.get("md5")
            if digest is not None and not (isinstance(digest, str) and _ANY_MD5.fullmatch(digest)):
                raise LockUnreadable(f"{where}: md5", "is not an md5")
            size = item.get("size", 0)
            if type(size) is not int or size < 0:
                raise LockUnreadable(f"{where}: size", "is not a number of bytes")


def _model(slug: str, stages: dict[str, Any], name: str) -> LockedModel:
    place = f"{name}: stages.download@{slug}"
    stage = _get(stages, f"download@{slug}", dict, name)
    outs = _get(stage, "outs", list, place)
    if len(outs) != 1:
        raise LockUnreadable(place, f"has {len(outs)} outputs, a download has one")
    digests = _options(_get(stage, "cmd", str, place)).get("--sha256", [])
    if len(digests) != 1 or not _SHA256.fullmatch(digests[0]):
        raise LockUnreadable(f"{place}.cmd", "names no sha256")
    return LockedModel(
        slug=slug,
        path=_get(outs[0], "path", str, place),
        sha256=digests[0],
        md5=_md5(outs[0], place),
        size=_get(outs[0], "size", int, place),
        validated=_validation(slug, stages, name),
    )


def _validation(slug: str, stages: dict[str, Any], name: str) -> LockedValidation | None:
    if f"validate@{slug}" not in stages:
        return None
    place = f"{name}: stages.validate@{slug}"
    stage = _get(stages, f"validate@{slug}", dict, name)
    command = _get(stage, "cmd", str, place)
    options = _options(command)
    try:
        protocol = int(float(options["--protocol"][0]))
        task = options["--task"][0]
    except (KeyError, ValueError, OverflowError) as error:
        raise LockUnreadable(f"{place}.cmd", "names no protocol or no task") from error
    outs = {_get(out, "path", str, place): out for out in _get(stage, "outs", list, place)}
    deps = _get(stage, "deps", list, place)
    if len(deps) != 1:
        raise LockUnreadable(place, f"has {len(deps)} dependencies, a validation has one")
    return LockedValidation(
        command=command,
        protocol=protocol,
        task=task,
        report_md5=_md5(_get(outs, f"reports/{slug}.json", dict, place), place),
        picture_md5=_md5(_get(outs, f"{slug}/sample.png", dict, place), place),
        weights_md5=_md5(deps[0], place),
    )


def _md5(entry: Any, place: str) -> str:
    digest: str = _get(entry, "md5", str, place)
    if not _MD5.fullmatch(digest):
        raise LockUnreadable(f"{place}.md5", "is not an md5 of a file")
    return digest


def _get(data: Any, key: str, kind: type[Any], place: str) -> Any:
    """The value of `key`, of type `kind`; raises `LockUnreadable` naming the place."""
    if not isinstance(data, dict) or not isinstance(data.get(key), kind):
        raise LockUnreadable(f"{place}: {key}", f"expected a {_KINDS[kind]} here")
    return data[key]


_KINDS: dict[type[Any], str] = {dict: "mapping", list: "list", str: "text", int: "number"}
