"""DVC's own resolver makes the stages that the catalogue means."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

from restoration_models.catalogue import Catalogue, load
from restoration_models.project import Project
from support import catalogue as small
from support.facts import ROOT

LAYER_PIPELINE = (ROOT / "layers" / "layer-1" / "dvc.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for variable in ("DVC_SYSTEM_CONFIG_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))


def repository(root: Path) -> None:
    """Make `root` a git repository with DVC, set up as this one is."""
    subprocess.run(["git", "init", "--quiet", str(root)], check=True, timeout=60)
    Repo.init(str(root)).close()
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")


def commands(root: Path) -> dict[str, str]:
    """Stage address to command line, as DVC resolves them; nothing runs."""
    repo = Repo(str(root))
    try:
        return {
            f"{Path(stage.path_in_repo).parent.as_posix()}:{stage.name}": stage.cmd
            for stage in repo.index.stages
        }
    finally:
        repo.close()


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """The real catalogue and pipeline in a repository of their own."""
    root = tmp_path / "clone"
    for name in ("params.yaml", "dvc.yaml"):
        root.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root)
    for layer in ("layer-1", "layer-2"):
        (root / "layers" / layer / "reports").mkdir(parents=True)
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(ROOT / "layers" / layer / name, root / "layers" / layer)
    repository(root)
    yield root


@pytest.fixture
def real() -> Catalogue:
    return load(Project(ROOT))


def test_the_real_pipeline(clone: Path, real: Catalogue) -> None:
    expected = {f".:cards@{layer.slug}": f"models readme {layer.slug}" for layer in real.layers}
    for model in real.models:
        place = f"layers/{model.layer}"
        expected[f"{place}:download@{model.slug}"] = f"models download {model.slug} --sha256 {model.sha256}"
        expected[f"{place}:validate@{model.slug}"] = (
            f"models validate {model.slug} --protocol {real.protocol} --task {model.task} "
            f"--architecture {model.expects.architecture} --wrapper-key {model.expects.wrapper_key} "
            f"--input-channels {model.expects.input_channels}"
        )
    assert commands(clone) == expected
    assert len(expected) == 2 + 2 * 13


def test_one_command_in_full(clone: Path) -> None:
    assert commands(clone)["layers/layer-2:validate@uvdoc"] == (
        "models validate uvdoc --protocol 1 --task document-unwarping "
        "--architecture UVDoc --wrapper-key model_state --input-channels 3"
    )


def test_outputs_lie_where_the_project_looks_for_them(clone: Path, real: Catalogue) -> None:
    project = Project(clone)
    repo = Repo(str(clone))
    try:
        outs = {Path(out.fs_path): out.use_cache for stage in repo.index.stages for out in stage.outs}
    finally:
        repo.close()
    expected = {project.layer_card(layer.slug): False for layer in real.layers}
    for model in real.models:
        expected[project.checkpoint(model.layer, model.slug, model.file)] = True
        expected[project.report(model.layer, model.slug)] = False
        expected[project.picture(model.layer, model.slug)] = False
    assert outs == expected


def test_every_layer_has_the_same_pipeline() -> None:
    texts = {path.read_text(encoding="utf-8") for path in ROOT.glob("layers/*/dvc.yaml")}
    assert texts == {LAYER_PIPELINE}


def small_pipeline(root: Path, models: dict[str, dict[str, object]]) -> dict[str, str]:
    root.mkdir()
    project = small.write(root, small.head(), {"layer-1": small.layer(models)})
    assert small.problems(project) == []
    (root / "layers" / "layer-1" / "dvc.yaml").write_text(LAYER_PIPELINE, encoding="utf-8")
    repository(root)
    return commands(root)


def test_every_kind_of_expectation(tmp_path: Path) -> None:
    """Lists become repeated options; what is left out is no option."""
    expects = {
        "architecture": "unregistered",
        "min-gain-db": -1.5,
        "allow-globals": ["numpy.core.multiarray.scalar", "numpy.dtype"],
    }
    models = {
        "a": small.entry(1, expects=expects),
        "b": small.entry(2, expects={"architecture": "Restormer", "allow-globals": []}),
    }
    found = small_pipeline(tmp_path / "clone", models)
    head = "--protocol 1 --task denoising-real"
    assert found["layers/layer-1:validate@a"] == (
        f"models validate a {head} --architecture unregistered --min-gain-db -1.5 "
        "--allow-globals numpy.core.multiarray.scalar --allow-globals numpy.dtype"
    )
    assert found["layers/layer-1:validate@b"] == f"models validate b {head} --architecture Restormer"


def test_a_layer_without_models_has_no_stages(tmp_path: Path) -> None:
    assert small_pipeline(tmp_path / "clone", {}) == {}


def test_nothing_that_the_loader_takes_needs_quoting_in_a_shell(tmp_path: Path) -> None:
    """DVC quotes texts with `shlex.quote`; a command line without a quote had nothing to hide."""
    odd = {"architecture": "Restormer", "wrapper-key": "_a.B+c-9", "allow-globals": ["_a.b_c.D9"]}
    models = {"a-1-b": small.entry(1, file="_A+b.c-9.pth", expects=odd)}
    found = small_pipeline(tmp_path / "clone", models)
    assert found["layers/layer-1:validate@a-1-b"].endswith(
        "--architecture Restormer --wrapper-key _a.B+c-9 --allow-globals _a.b_c.D9"
    )
    assert not any(set(command) & set("'\"\\$`;&|<>(){}[]*?!#~\n") for command in found.values())
