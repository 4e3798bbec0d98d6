"""``make quickstart``'s script, twice, in a fresh clone with an empty home and a port that is taken."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from support.checkpoints import REAL_UVDOC
from support.servers import REPOSITORY, commit, git, models


def snapshot(root: Path) -> Path:
    """A clone of the working tree as a commit of it would be."""
    names = git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in names:
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, root / name)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "snapshot")
    return root


def test_the_quickstart_runs_twice_and_leaves_git_clean(tmp_path: Path) -> None:
    root = tmp_path / "fresh clone"
    root.mkdir()
    snapshot(root)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9000))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        try:
            for _ in range(2):
                done = subprocess.run(
                    ["bash", "scripts/quickstart.sh"], cwd=root, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
                assert git(root, "status", "--porcelain") == ""
                last = done.stdout.splitlines()[-1]
                assert last.startswith(f"uvdoc sha256 {REAL_UVDOC['sha256']}")
                assert last.endswith("layers/layer-2/uvdoc/sample.png")
                assert "grid error 56.7" in done.stdout
            checked = models(root, "check")
            assert checked.returncode == 0, checked.stderr
            assert models(root, "store", "status").returncode == 0
        finally:
            assert models(root, "store", "down").returncode == 0
