"""The embedded store: an S3 server on loopback, its data in .store/."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restoration_models.errors import UsageProblem, WorldFailure
from restoration_models.project import Project
from restoration_models.store import ports as port_choice
from restoration_models.store import servers
from restoration_models.store.client import StoreFailure, asking, client
from restoration_models.store.handout import new_secret
from restoration_models.store.local_config import CONNECTION_KEYS, read_remote, write_remote
from restoration_models.store.memory import Memory, StoreFolder, is_access_key
from restoration_models.store.process import Process, launch, stop, wait_for_end
from restoration_models.store.servers import BUCKET, Kind
from restoration_models.store.settings import StoreSettings, remote_name

FIRST_PORT = 9000
"""What a new store asks for: the committed endpoint's port."""
READY_SECONDS = 60.0
GRACE_SECONDS = 20.0
PACE_SECONDS = 0.05
PROBE = ".probe"
RELEASE_SECONDS = 1.0
"""Linux closes the sockets of a process that ended a moment after its end."""
ATTEMPTS = 3
LOG_LINES = 3


class ServerDied(WorldFailure):
    """The server ended while it was starting."""

    def __init__(self, kind: Kind, log: Path, last: str) -> None:
        super().__init__(
            f"the embedded {kind} server ended at once ({last or 'it printed nothing'})",
            where=str(log),
            remedy="correct what it names, then run `models store up` again",
        )


class ServerSilent(WorldFailure):
    """The server runs, but its S3 API does not serve."""

    def __init__(self, kind: Kind, endpoint: str, log: Path, last: str) -> None:
        super().__init__(
            f"the embedded {kind} server runs, but was not ready in {READY_SECONDS:.0f} s ({last})",
            where=endpoint,
            remedy=f"look at {log}, then `models store down` and `models store up`",
        )


class NeverUp(UsageProblem):
    """There is no embedded store yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__("no embedded store", where=str(folder), remedy="start one with `models store up`")


class ServerStays(WorldFailure):
    """The server does not end."""

    def __init__(self, pid: int) -> None:
        super().__init__(
            "the embedded server does not end, not even killed",
            where=f"process {pid}",
            remedy="end it with the rights of the user it runs as",
        )


class OtherPort(UsageProblem):
    """The server is up on another port than the one asked for."""

    def __init__(self, endpoint: str, port: int) -> None:
        super().__init__(
            f"the embedded store is already up, not on port {port}",
            where=endpoint,
            remedy=f"`models store down`, then `models store up --port {port}`",
        )


class OtherServer(UsageProblem):
    """The data here belongs to the other kind of server."""

    def __init__(self, folder: Path, has: Kind, asked: Kind) -> None:
        super().__init__(
            f"the data here is {has}'s, not {asked}'s",
            where=str(folder),
            remedy="leave --server away, or start empty by moving the folder away",
        )


@dataclass(frozen=True, slots=True)
class Up:
    """The embedded store is up."""

    kind: Kind
    endpoint: str
    pid: int
    was_up: bool
    """It was up before; nothing was started."""
    moved: tuple[int, int] | None
    """The port asked for was in use: (asked for, given)."""
    seconds: float
    """How long it took to answer."""
    log: Path


@dataclass(frozen=True, slots=True)
class Down:
    """The embedded store is down."""

    was_up: bool
    endpoint: str | None
    """Where it answered, None for a store that never ran."""


def up(project: Project, *, port: int | None = None, kind: Kind | None = None) -> Up:
    """Start the embedded store of `project`, or find it up, and point this clone's DVC at it.

    A port in use is replaced by another, which is remembered. Waits until the S3 API answers
    with this store's keys and the bucket is there. Raises `OtherPort`, `OtherServer`,
    `NoServer`, `ServerGone`, `ServerDied`, `ServerSilent`, `NoFreePort`, `StoreNotConfigured`,
    `LocalConfigBroken`, `MemoryBroken` and OSError.
    """
    # Asked first, so that a broken configuration stops us before anything runs.
    read_remote(project.dvc_folder / "config.local", remote_name(project))
    folder = StoreFolder(project.store_data)
    folder.create()
    with folder.locked():
        memory = folder.memory()
        if memory is not None and kind not in (None, memory.kind):
            raise OtherServer(folder.root, memory.kind, kind or memory.kind)
        process = folder.process()
        if memory is not None and process is not None:
            if port not in (None, memory.ports["s3"]):
                raise OtherPort(memory.endpoint, port or 0)
            begun = time.monotonic()
            # One that was killed a moment ago is there for a moment yet: it is started again below.
            with suppress(ServerDied):
                _await_ready(folder, memory, process, fresh=False)
                _point_here(project, folder, memory)
                return Up(
                    memory.kind,
                    memory.endpoint,
                    process.pid,
                    True,
                    None,
                    time.monotonic() - begun,
                    folder.log,
                )
        memory = memory or Memory.new(kind or servers.choose(None, folder.root))
        servers.choose(memory.kind, folder.root)
        return _start(project, folder, memory, port)


def down(project: Project) -> Down:
    """Stop the embedded store of `project` and take back what `up` wrote to .dvc/config.local.

    The data and the keys to it stay in .store/ for the next `up`. Raises `ServerStays` and OSError.
    """
    folder = StoreFolder(project.store_data)
    if not folder.root.is_dir():
        # Moved away or deleted: its address must not go on shadowing the team's.
        _forget_lost(project)
        return Down(False, None)
    with folder.locked():
        memory = folder.memory()
        process = folder.process()
        if process is not None and not stop(process, GRACE_SECONDS):
            raise ServerStays(process.pid)
        if process is not None and memory is not None:
            port_choice.wait_until_free(memory.ports.values(), RELEASE_SECONDS)
        folder.remember_process(None)
        if memory is None:
            return Down(process is not None, None)
        _remove_sockets(memory)
        _point_back(project, folder, memory)
        return Down(process is not None, memory.endpoint if memory.ports else None)


def renew(project: Project) -> Up:
    """Start the embedded store again with new secret keys; the old ones no longer work.

    Its access key, data and port stay. Where this ends half-way, the store is down and `up` starts
    it with the keys that .store/ has by then. Raises what `up` and `down` raise, and `NeverUp`.
    """
    folder = StoreFolder(project.store_data)
    if not folder.root.is_dir():
        raise NeverUp(folder.root)
    with folder.locked():
        memory, process = folder.memory(), folder.process()
        if memory is None:
            raise NeverUp(folder.root)
        if process is not None:
            if not stop(process, GRACE_SECONDS):
                raise ServerStays(process.pid)
            port_choice.wait_until_free(memory.ports.values(), RELEASE_SECONDS)
        memory = replace(memory, secret_key=new_secret())
        folder.remember(memory)
        # With what SeaweedFS's parts sign for each other; the start draws it anew.
        (folder.server(Kind.SEAWEEDFS) / "security.toml").unlink(missing_ok=True)
        return _start(project, folder, memory, None)


def _start(project: Project, folder: StoreFolder, memory: Memory, port: int | None) -> Up:
    names = servers.port_names(memory.kind)
    wanted = {name: number for name, number in memory.ports.items() if name in names}
    wanted["s3"] = port or wanted.get("s3", FIRST_PORT)
    asked, avoid = wanted["s3"], set[int]()
    begun = time.monotonic()
    if folder.process_file.exists():
        # It was killed, perhaps just now.
        port_choice.wait_until_free(wanted.values(), RELEASE_SECONDS)
    _remove_sockets(memory)
    for attempt in range(1, ATTEMPTS + 1):
        memory = memory.with_ports(port_choice.plan(names, wanted, avoid=avoid).ports)
        # Remembered before it starts: whatever happens now, the keys of its data are not lost.
        folder.remember(memory)
        prepared = servers.prepare(
            memory.kind, folder.server(memory.kind), memory.ports, memory.access_key, memory.secret_key
        )
        process = launch(prepared.command, prepared.environment, prepared.folder, folder.log)
        folder.remember_process(process)
        try:
            _await_ready(folder, memory, process, fresh=True)
            break
        except ServerDied:
            folder.remember_process(None)
            lost = {number for number in memory.ports.values() if not port_choice.is_free(number)}
            if not lost or attempt == ATTEMPTS:
                raise
            # Somebody took a port between our look and the server's start.
            avoid |= lost
        except BaseException:
            # Nothing half started stays behind, on an interrupt neither.
            stop(process, GRACE_SECONDS)
            folder.remember_process(None)
            raise
    _point_here(project, folder, memory)
    moved = (asked, memory.ports["s3"]) if memory.ports["s3"] != asked else None
    seconds = time.monotonic() - begun
    return Up(memory.kind, memory.endpoint, process.pid, False, moved, seconds, folder.log)


def _settings(memory: Memory) -> StoreSettings:
    return StoreSettings(memory.endpoint, BUCKET, "dvc", memory.access_key, memory.secret_key)


def _await_ready(folder: StoreFolder, memory: Memory, process: Process, *, fresh: bool) -> None:
    """Wait until the S3 API serves us; a `fresh` server must also have read or written something."""
    end = time.monotonic() + READY_SECONDS
    last = "nothing listens"
    while time.monotonic() < end:
        if not process.alive:
            raise ServerDied(memory.kind, folder.log, _last_lines(folder.log, memory.secret_key))
        if _listens(memory.ports["s3"]):
            try:
                if _serves(memory, fresh=fresh):
                    return
                last = "its bucket is missing"
            except StoreFailure as failure:
                # Both servers refuse correct keys for a moment while they load their users.
                last = failure.what
        # The pause is a wait for the server's end, which would be the news.
        wait_for_end(process, PACE_SECONDS)
    raise ServerSilent(memory.kind, memory.endpoint, folder.log, last)


def _listens(port: int) -> bool:
    """Whether anything listens: asked first, because importing the S3 client takes longer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _serves(memory: Memory, *, fresh: bool) -> bool:
    """Whether the bucket is there, and bytes come out of it. Raises a `StoreFailure`."""
    settings = _settings(memory)
    with asking(settings):
        speaker = client(settings, retries=0)
        if not speaker.bucket_exists(settings.bucket):
            # SeaweedFS makes it by itself, a moment after it begins to answer.
            if memory.kind is Kind.MINIO:
                speaker.make_bucket(settings.bucket)
            return False
        if fresh and memory.kind is Kind.SEAWEEDFS:
            # Its S3 part answers before the part that holds the bytes has joined it.
            _move_a_byte(speaker, settings.bucket)
    return True


def _move_a_byte(speaker: Any, bucket: str) -> None:
    """Read a byte of any object, or write one where there is none: a full disk can still be read."""
    found = next((one for one in speaker.list_objects(bucket, recursive=True) if one.size), None)
    if found is None:
        written = speaker.put_object(bucket, PROBE, io.BytesIO(b"."), 1)
        speaker.remove_object(bucket, PROBE, written.version_id)
        return
    answer = speaker.get_object(bucket, found.object_name, length=1)
    try:
        answer.read()
    finally:
        answer.close()
        answer.release_conn()


def _last_lines(log: Path, secret: str) -> str:
    with suppress(OSError):
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-LOG_LINES:]).replace(secret, "…")[-600:]
    return ""


def _point_here(project: Project, folder: StoreFolder, memory: Memory) -> None:
    """Write endpoint and keys to .dvc/config.local, keeping what they replace for `down`."""
    local = project.dvc_folder / "config.local"
    remote = remote_name(project)
    present = read_remote(local, remote)
    ours = _our_settings(memory)
    if all(present.get(key) == value for key, value in ours.items()):
        return
    if present.get("access_key_id") != memory.access_key:
        # What a lost embedded store left is nothing to come back to.
        kept = () if _is_embedded(present) else CONNECTION_KEYS
        replaced = {key: present[key] for key in kept if key in present}
        folder.remember(replace(memory, shadowed=replaced))
    others: dict[str, str | None] = dict.fromkeys(CONNECTION_KEYS)
    write_remote(local, remote, others | ours)


def _point_back(project: Project, folder: StoreFolder, memory: Memory) -> None:
    """Undo `_point_here`, unless somebody wrote other settings since."""
    if memory.ports:
        local = project.dvc_folder / "config.local"
        remote = remote_name(project)
        present = read_remote(local, remote)
        ours = _our_settings(memory)
        if present.get("access_key_id") == ours["access_key_id"]:
            nothing: dict[str, str | None] = dict.fromkeys(ours)
            write_remote(local, remote, nothing | (memory.shadowed or {}))
    if memory.shadowed is not None:
        folder.remember(replace(memory, shadowed=None))


def _forget_lost(project: Project) -> None:
    """Take the settings of an embedded store whose folder is gone out of .dvc/config.local."""
    local = project.dvc_folder / "config.local"
    remote = remote_name(project)
    if _is_embedded(read_remote(local, remote)):
        write_remote(local, remote, dict.fromkeys(CONNECTION_KEYS))


def _is_embedded(present: Mapping[str, str]) -> bool:
    """Whether these settings are those of an embedded store, of this folder or of another."""
    key, endpoint = present.get("access_key_id", ""), present.get("endpointurl", "")
    return is_access_key(key) and endpoint.startswith("http://127.0.0.1:")


def _our_settings(memory: Memory) -> dict[str, str]:
    return {
        "endpointurl": memory.endpoint,
        "access_key_id": memory.access_key,
        "secret_access_key": memory.secret_key,
    }


def _remove_sockets(memory: Memory) -> None:
    """Remove the local sockets that a killed SeaweedFS left in the system's temporary folder."""
    if memory.kind is not Kind.SEAWEEDFS:
        return
    for number in filter(port_choice.is_free, memory.ports.values()):
        for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108 - SeaweedFS's own choice
            with suppress(OSError):
                path.unlink()
