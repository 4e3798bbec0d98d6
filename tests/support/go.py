"""Programs that Go builds once, kept outside the tree."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

BUILD_SECONDS = 1800

# As the test run found it: a test may give itself another home, in which Go would build anew.
ENVIRONMENT = dict(os.environ)
CACHE = Path(ENVIRONMENT.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restoration-models" / "bin"


def program(name: str, module: str) -> str | None:
    """The program `name`: from PATH, or `module` built by Go the first time. None without both.

    Raises OSError or `subprocess.SubprocessError` where Go cannot build it.
    """
    if found := shutil.which(name, path=ENVIRONMENT.get("PATH")):
        return found
    folder = CACHE / module.rpartition("@")[2].rpartition("-")[2]
    built = folder / name
    go = shutil.which("go", path=ENVIRONMENT.get("PATH"))
    if built.is_file() or go is None:
        return str(built) if built.is_file() else None
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.is_file():
            subprocess.run(
                [go, "install", module],
                env={**ENVIRONMENT, "GOBIN": str(folder)},
                check=True,
                timeout=BUILD_SECONDS,
                capture_output=True,
            )
    return str(built)
