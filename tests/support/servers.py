"""Real S3 servers for tests, and a small git and DVC project to use them from.

Import the fixtures into a conftest: ``from support.servers import isolated, minio_server,
seaweedfs_server``. Both servers run once a session, with random keys, on free ports of loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from restoration_models.project import Project
from restoration_models.store import StoreSettings, embedded, ports
from restoration_models.store.memory import StoreFolder
from restoration_models.store.servers import Kind
from support import go

REPOSITORY = Path(__file__).resolve().parents[2]
MINIO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
DVC_SECONDS = 120
PROGRAM = "from restoration_models.cli.app import main; main()"


@dataclass(frozen=True)
class Server:
    """A running server and its operator's keys."""

    kind: Kind
    endpoint: str
    access_key: str
    secret_key: str
    pid: int

    def settings(self, bucket: str = "models", **changes: str) -> StoreSettings:
        values = {"access_key": self.access_key, "secret_key": self.secret_key, "prefix": "dvc", **changes}
        return StoreSettings(endpoint=self.endpoint, bucket=bucket, **values)  # type: ignore[arg-type]


# Programs ---------------------------------------------------------------------------------------


def minio_program() -> str | None:
    """Return a MinIO executable: from PATH, or built once by Go outside the tree. None without both."""
    return go.program("minio", MINIO_MODULE)


def require_minio() -> str:
    """Return a MinIO executable; without one the test is skipped, and fails where CI=true."""
    try:
        program = minio_program()
        why = "neither a minio binary nor Go is on PATH"
    except (subprocess.SubprocessError, OSError) as error:
        program, why = None, f"Go could not build MinIO ({error})"
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"real MinIO is required here: {why}")
        pytest.skip(f"no real MinIO: {why}")
    return program


# Fixtures ---------------------------------------------------------------------------------------


@pytest.fixture
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep this machine's DVC, AWS and MinIO settings out of a test; return the empty home it gets."""
    return isolate(tmp_path_factory.mktemp("home"), monkeypatch)


def isolate(home: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make `home` the home of everything that runs while `patch` holds."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MINIO_", "DVC_", "S3_")):
            patch.delenv(name)
    for name, folder in {
        "HOME": "",
        "XDG_CONFIG_HOME": ".config",
        "DVC_GLOBAL_CONFIG_DIR": "dvc-global",
        "DVC_SYSTEM_CONFIG_DIR": "dvc-system",
        "DVC_SITE_CACHE_DIR": "dvc-site",
        "GIT_CONFIG_GLOBAL": ".gitconfig",
    }.items():
        patch.setenv(name, str(home / folder))
    patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    patch.setenv("DVC_NO_ANALYTICS", "1")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        patch.setenv(f"{name}_NAME", "Test")
        patch.setenv(f"{name}_EMAIL", "test@example.invalid")
    patch.setenv("PYTHONPATH", str(REPOSITORY / "scripts"))
    return home


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Real MinIO, with an empty bucket ``models``."""
    program = require_minio()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
        yield from running(Kind.MINIO, tmp_path_factory.mktemp("minio"))


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded SeaweedFS, with an empty bucket ``models``."""
    yield from running(Kind.SEAWEEDFS, tmp_path_factory.mktemp("seaweedfs"))


@pytest.fixture(params=[Kind.SEAWEEDFS, pytest.param(Kind.MINIO, marks=pytest.mark.needs_minio)], ids=str)
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each of the two servers in turn."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


def running(kind: Kind, folder: Path) -> Iterator[Server]:
    """Run a server of `kind` with its data in `folder` until the generator is closed."""
    project = skeleton(folder / "project", with_git=False)
    try:
        up = embedded.up(project, port=free_port(), kind=kind)
        memory = StoreFolder(project.store_data).memory()
        assert memory is not None
        yield Server(kind, up.endpoint, memory.access_key, memory.secret_key, up.pid)
    finally:
        embedded.down(project)


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    return ports.plan(("one",), {}).ports["one"]


# Projects ---------------------------------------------------------------------------------------


def skeleton(root: Path, *, with_git: bool = True) -> Project:
    """Make an empty models repository at `root`, with this repository's own DVC configuration."""
    (root / "layers").mkdir(parents=True)
    (root / ".dvc").mkdir()
    (root / "params.yaml").write_text("layers: []\n")
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        shutil.copyfile(REPOSITORY / name, root / name)
    (root / "layers" / ".gitkeep").touch()
    if with_git:
        git(root, "init", "--quiet", "--initial-branch=main")
        commit(root, "skeleton")
    return Project(root)


def git(root: Path, *arguments: str) -> str:
    """Run git in `root`; return what it printed."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def commit(root: Path, message: str) -> None:
    """Commit everything in `root`."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def dvc(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run DVC in `root` as a person does."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=DVC_SECONDS,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def models(
    root: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the ``models`` command in `root`; standard input is empty unless given."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=root,
        input=stdin or "",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DVC_SECONDS,
        check=False,
    )


def models_json(root: Path, *arguments: str) -> dict[str, object]:
    """Run ``models … --json`` in `root`; return its answer, whatever the exit status."""
    answer: dict[str, object] = json.loads(models(root, *arguments, "--json").stdout)
    return answer


# What the system knows of a process --------------------------------------------------------------


def listening(pid: int) -> set[tuple[str, int]]:
    """Return (address, port) of every TCP socket that process `pid`, or one of its children, listens on."""
    sockets = _sockets(pid)
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address, _, port = fields[1].partition(":")
                found.add((_address(address), int(port, 16)))
    return found


def listening_locally(pid: int) -> set[str]:
    """Return the names of the Unix sockets that process `pid`, or one of its children, listens on."""
    sockets, found = _sockets(pid), set()
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        accepts = int(fields[3], 16) & 0x10000  # __SO_ACCEPTCON
        if accepts and fields[6] in sockets:
            found.add(fields[7] if len(fields) > 7 else "")
    return found


def _sockets(pid: int) -> set[str]:
    """The numbers of all sockets of a process and its children."""
    found = set()
    for one in _family(pid):
        for entry in Path(f"/proc/{one}/fd").iterdir():
            try:
                target = str(entry.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def _family(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _address(text: str) -> str:
    import socket

    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


def command_lines() -> str:
    """Return the arguments of every process that /proc shows."""
    seen = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            seen.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(seen)


@pytest.fixture(scope="session", autouse=True)
def minio_on_path() -> Iterator[None]:
    """Find or build MinIO while home is still this machine's, and keep it on PATH."""
    program = None
    with suppress(subprocess.SubprocessError, OSError):
        program = minio_program()
    with pytest.MonkeyPatch.context() as patch:
        if program:
            patch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
        yield
