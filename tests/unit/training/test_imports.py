"""Importing the package is instant and needs no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import restoration_models
from restoration_models.training import cache_folder
from restoration_models.training.cache import VARIABLE


def test_the_package_imports_nothing_and_offers_both_names() -> None:
    program = """
import sys
for name in ("torch", "numpy", "spandrel", "PIL"):
    sys.modules[name] = None
before = set(sys.modules)
import restoration_models
light = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(name for name in light if name in ("dvc", "minio", "pydantic", "requests", "yaml")))
from restoration_models import load, param_groups, tiling, pictures, restoration
from restoration_models.cli import use
try:
    load("uvdoc", project="nowhere")
except restoration_models.training.loading.UsageProblem as error:
    print(error.status)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[]\n2\n"


def test_the_names_are_listed_and_others_are_refused() -> None:
    assert {"load", "param_groups", "LoadedModel"} <= set(dir(restoration_models))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        restoration_models.nothing  # noqa: B018 - the access is what is tested


def test_where_files_are_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / ".cache/restoration-models/checkpoints"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert cache_folder() == tmp_path / ".cache/restoration-models/checkpoints"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c/restoration-models/checkpoints"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library/Caches/restoration-models/checkpoints"
    monkeypatch.setenv(VARIABLE, "~/mine")
    assert cache_folder() == tmp_path / "mine"
