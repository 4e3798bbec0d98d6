"""Two branches that each add a model to one layer, merged as the README says, in real git and DVC.

git mixes the lines of two new entries where they are alike, so that a person writes both entries
anew; here, the catalogue's writer does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from restoration_models.check import check
from restoration_models.project import Project
from restoration_models.review import review
from support import checkpoints
from support.servers import Server, dvc, git
from support.workspace import Workspace, declare, stage_path

RECIPE = ("dvc.lock", "layers/layer-1/dvc.lock", "layers/layer-1/README.md")
"""What the recipe takes from either side."""


def clone(origin: Path, root: Path, server: Server, entries: dict[str, object]) -> Workspace:
    git(origin.parent, "clone", "--quiet", str(origin), str(root))
    workspace = Workspace(root, {"layer-1": entries})  # type: ignore[dict-item]
    workspace.use(server)
    return workspace


def test_the_recipe_ends_with_a_clean_check(
    tmp_path: Path, seaweedfs_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", stage_path())
    weights = {
        name: checkpoints.small("nafnet", tmp_path / f"{name}.pth", seed)
        for seed, name in enumerate(("first", "second"), start=30)
    }
    main = Workspace(tmp_path / "main", {"layer-1": {}}).begin()
    for name, path in weights.items():
        added = clone(main.root, tmp_path / name, seaweedfs_server, {name: declare("nafnet", path)})
        git(added.root, "switch", "--quiet", "--create", name)
        added.write()
        added.ran()
        added.commit(f"Add {name}")
    dvc(tmp_path / "first", "push")
    second = tmp_path / "second"
    git(second, "fetch", "--quiet", str(tmp_path / "first"), "first:first")

    merge = subprocess.run(["git", "merge", "first"], cwd=second, capture_output=True, text=True, check=False)
    conflicts = set(git(second, "diff", "--name-only", "--diff-filter=U").split())
    assert merge.returncode == 1
    assert conflicts == {"layers/layer-1/params.yaml", *RECIPE}
    unmerged = check(Project(second), offline=True).problems
    assert any("merge conflict" in problem.what for problem in unmerged)

    # The README's recipe.
    entries = {name: declare("nafnet", path) for name, path in weights.items()}
    Workspace(second, {"layer-1": entries}).write()
    git(second, "checkout", "--theirs", "--", *RECIPE)
    dvc(second, "pull", "--allow-missing")
    dvc(second, "repro")
    git(second, "add", "--all")
    git(second, "commit", "--quiet", "--message", "Merge first")

    assert check(Project(second), base="origin/main", offline=True).problems == ()
    text = review(Project(second), base="origin/main")
    assert "### `first` — 🆕" in text
    assert "### `second` — 🆕" in text
    assert "✅" in text
    dvc(second, "push")
    assert check(Project(second), base="origin/main") == check(Project(second), offline=True)
