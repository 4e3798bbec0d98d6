"""What the embedded store remembers in .store/: its keys, ports and process. All mode 0600."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from restoration_models.errors import WorldFailure
from restoration_models.files import write_text
from restoration_models.store.handout import new_secret
from restoration_models.store.process import Process
from restoration_models.store.servers import Kind


class MemoryBroken(WorldFailure):
    """A file of the embedded store's own was damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "cannot be understood",
            where=str(path),
            remedy="restore it, or move the .store folder away and start empty with `models store up`",
        )


KEY_BYTES = 7
"""Random bytes of an embedded store's access key."""


def is_access_key(text: str) -> bool:
    """Whether `text` has the form of an embedded store's access key."""
    return re.fullmatch(f"models[0-9a-f]{{{2 * KEY_BYTES}}}", text) is not None


@dataclass(frozen=True, slots=True)
class Memory:
    """How this store was last run."""

    kind: Kind
    access_key: str
    secret_key: str
    ports: dict[str, int]
    shadowed: dict[str, str] | None = None
    """What .dvc/config.local said about the remote before `up` wrote its own, None while down."""

    @classmethod
    def new(cls, kind: Kind) -> Memory:
        """Return the memory of a store that never ran: random keys, no port yet."""
        return cls(kind, f"models{secrets.token_hex(KEY_BYTES)}", new_secret(), {})

    @property
    def endpoint(self) -> str:
        """Where it answers while it is up."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def with_ports(self, ports: dict[str, int]) -> Memory:
        """Return a copy with these ports."""
        return replace(self, ports=dict(ports))

    def __repr__(self) -> str:
        return f"Memory({self.kind}, {self.ports})"


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """The .store folder."""

    root: Path

    @property
    def log(self) -> Path:
        """What the server printed since it was last started."""
        return self.root / "server.log"

    @property
    def memory_file(self) -> Path:
        """Keys and ports."""
        return self.root / "server.json"

    @property
    def process_file(self) -> Path:
        """The running server's process."""
        return self.root / "server.pid"

    def server(self, kind: Kind) -> Path:
        """Return the working folder of a server of `kind`."""
        return self.root / str(kind)

    def create(self) -> None:
        """Make the folder (mode 0700), kept out of git whatever the repository ignores. Raises OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            write_text(ignore, "*\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one command; another waits."""
        import fcntl

        with (self.root / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def memory(self) -> Memory | None:
        """Return what is remembered, None where nothing is. Raises `MemoryBroken`."""
        found = _read(self.memory_file)
        if found is None:
            return None
        try:
            return Memory(**{**found, "kind": Kind(found["kind"])})
        except (TypeError, ValueError, KeyError) as error:
            raise MemoryBroken(self.memory_file) from error

    def remember(self, memory: Memory) -> None:
        """Write `memory`. Raises OSError."""
        write_text(self.memory_file, json.dumps(asdict(memory), indent=2) + "\n", mode=0o600)

    def process(self) -> Process | None:
        """Return the server's process while it runs, None otherwise."""
        try:
            found = _read(self.process_file)
            process = Process(**found) if found else None
        except (TypeError, MemoryBroken):
            return None
        return process if process and process.alive else None

    def remember_process(self, process: Process | None) -> None:
        """Write the process file, or remove it. Raises OSError."""
        if process is None:
            self.process_file.unlink(missing_ok=True)
        else:
            write_text(self.process_file, json.dumps(asdict(process)) + "\n", mode=0o600)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise MemoryBroken(path) from error
    if not isinstance(found, dict):
        raise MemoryBroken(path)
    return found
