"""A file out of a package's wheel: pip fetches it, nothing of the package runs."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from restoration_models.download.events import Reporter
from restoration_models.download.partial import FULL, NoSpace, Partial
from restoration_models.download.policy import Policy
from restoration_models.download.pour import blocks_of, pour
from restoration_models.download.trouble import Disqualified, Stopped
from restoration_models.sources import PypiSource

_POLL = 0.05
_UNREACHABLE = (
    "connection broken",
    "connectionerror",
    "max retries",
    "name resolution",
    "proxyerror",
    "sslerror",
    "timed out",
)


def pour_member(
    source: PypiSource,
    partial: Partial,
    policy: Policy,
    *,
    slug: str,
    report: Reporter,
    stop: threading.Event,
    environ: Mapping[str, str],
) -> int:
    """Fill `partial` from the wheel's member; returns how many bytes were fetched.

    Raises `Disqualified` where the index has no such wheel, or the wheel no such member.
    """
    prefix = partial.path.stem + ".wheel-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=partial.path.parent) as folder:
        wheel = _download(source, Path(folder), policy, stop, environ)
        with _member(wheel, source, partial) as blocks:
            pour(blocks, partial, policy, slug=slug, report=report, stop=stop)
        return wheel.stat().st_size


def _download(
    source: PypiSource, folder: Path, policy: Policy, stop: threading.Event, environ: Mapping[str, str]
) -> Path:
    command = [
        sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
        "--ignore-requires-python", "--disable-pip-version-check", "--no-color", "--progress-bar=off",
        "--dest", str(folder), source.requirement,
    ]  # fmt: skip
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)},
        )
        try:
            _wait(process, policy, stop)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        if "No space left on device" in text:
            raise NoSpace(folder.parent)
        raise Disqualified(_reason(text, source, process.returncode))
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise Disqualified("pip brought no wheel")
    return wheels[0]


def _wait(process: subprocess.Popen[bytes], policy: Policy, stop: threading.Event) -> None:
    deadline = time.monotonic() + policy.pip_seconds
    while process.poll() is None:
        if stop.wait(_POLL):
            raise Stopped
        if time.monotonic() > deadline:
            raise Disqualified("pip did not finish in time")


def _reason(log: str, source: PypiSource, status: int) -> str:
    """Say in our words what went wrong: pip's own words hold the index's address."""
    lowered = log.lower()
    if "no module named pip" in lowered:
        return "pip is not installed beside this Python (python -m ensurepip brings it)"
    if any(sign in lowered for sign in _UNREACHABLE):
        return "the package index could not be reached"
    if re.search(r"\b40[13] (client error|unauthorized|forbidden)|credentials", lowered):
        return "the package index refuses access"
    if "from versions: none" in lowered:
        # pip says the same of an index that is down when it was told not to retry.
        return f"the package index has no wheel of {source.package}, or cannot be reached"
    if "no matching distribution" in lowered or "could not find a version" in lowered:
        return f"the package index has no wheel of {source.requirement}"
    if "hash" in lowered and "mismatch" in lowered:
        return "the package index sent a damaged wheel"
    command = f"python -m pip download --no-deps {source.requirement}"
    return f"pip could not download it (status {status}; {command} shows why)"


@contextlib.contextmanager
def _member(wheel: Path, source: PypiSource, partial: Partial) -> Iterator[Iterator[bytes]]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [info for info in archive.infolist() if info.filename == source.member]
            if len(names) != 1:
                count = "no" if not names else "more than one"
                raise Disqualified(f"the wheel has {count} member {source.member}")
            size = names[0].file_size
            if size != partial.size:
                raise Disqualified(
                    f"the wheel's member has {size:,} bytes where the catalogue declares {partial.size:,}",
                    other_bytes=True,
                )
            with archive.open(names[0]) as file:
                yield blocks_of(file)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        # RuntimeError: an encrypted member.
        raise Disqualified("the wheel is damaged or of a form that cannot be read") from error
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(partial.path.parent) from error
        raise Disqualified(f"the wheel could not be read ({os.strerror(error.errno or 0)})") from error
