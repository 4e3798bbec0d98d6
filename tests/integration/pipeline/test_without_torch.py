"""What must work where torch is not installed, and that a plain installation does not bring it."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.servers import PROGRAM, REPOSITORY
from support.workspace import Workspace

ABSENT = ("torch", "torchvision", "spandrel", "spandrel_extra_arches", "safetensors", "numpy", "PIL")
WITHOUT = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``models`` in a process in which the packages of the torch extra cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + PROGRAM, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["list", "--json"],
        ["show", "sharpener"],
        ["check", "--offline"],
        ["readme", "layer-2"],
        ["schema"],
        ["scan", "layers/layer-2/sharpener/nafnet.pth"],
    ],
    ids=" ".join,
)
def test_it_works(done: Workspace, arguments: list[str]) -> None:
    result = run(done.root, *arguments)

    assert result.returncode == 0, result.stderr
    assert done.status() == ""


def test_what_needs_torch_says_so_in_one_line(done: Workspace) -> None:
    result = run(done.root, "prove", "sharpener")

    assert result.returncode == 2
    said, failed = result.stderr.splitlines()
    assert said == "sharpener: validating"
    assert "pip install" in failed


def test_a_plain_installation_requires_nothing_of_the_torch_extra() -> None:
    wanted, seen = ["restoration-models"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(re.sub(r"[-_.]+", "-", requirement.name).lower())
    assert "dvc" in seen
    assert seen.isdisjoint({"torch", "torchvision", "spandrel", "spandrel-extra-arches", "safetensors"})


def test_the_lock_names_no_address_and_hashes_everything() -> None:
    text = (REPOSITORY / "requirements.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE)
    assert len(pinned) > 100
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pinned)
    assert all("--hash=sha256:" in block for block in blocks)
