"""Where the store is and with which keys, resolved as DVC resolves them.

DVC's own reader merges the levels (system, global, the committed file, config.local);
keys that no level holds come from the environment and then from the AWS credentials
file, in the order botocore uses. Reading through DVC costs about a tenth of a second and
cannot disagree with what ``dvc push`` does.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from restoration_models.errors import UsageProblem
from restoration_models.project import Project

DEFAULT_REMOTE = "minio"
DEFAULT_REGION = "us-east-1"
"""What S3 clients sign with where nothing else is said; MinIO and SeaweedFS accept it."""


class StoreNotConfigured(UsageProblem):
    """The DVC configuration names no S3 remote, or cannot be read."""

    def __init__(self, what: str, *, where: str = ".dvc/config") -> None:
        super().__init__(
            what,
            where=where,
            remedy="restore the committed file with `git checkout .dvc/config`, or correct it",
        )


class BadEndpoint(UsageProblem):
    """An endpoint that no S3 client can use."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            "not an endpoint",
            where=endpoint.rsplit("@", 1)[-1],
            remedy="write http://HOST:PORT or https://HOST[:PORT], without user name, path or query",
        )


class BadBucket(UsageProblem):
    """A name that no S3 bucket can have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "not the name of a bucket",
            where=name,
            remedy="use 3 to 63 lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
        )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One S3 bucket, the prefix DVC uses in it, and the keys to it."""

    endpoint: str
    """``http://HOST:PORT`` or ``https://HOST``, without a path."""
    bucket: str
    prefix: str
    """Where DVC's content-addressed objects are, without slashes around it: ``dvc``."""
    access_key: str | None
    secret_key: str | None = field(repr=False)
    region: str = DEFAULT_REGION
    session_token: str | None = field(default=None, repr=False)
    verify: bool | str = True
    """TLS: check against the usual authorities, not at all, or against this file of authorities."""
    remote: str = DEFAULT_REMOTE
    """The DVC remote these settings belong to."""

    @property
    def netloc(self) -> str:
        """``HOST:PORT`` as the endpoint has it."""
        return urlsplit(self.endpoint).netloc

    @property
    def secure(self) -> bool:
        """Whether the endpoint is spoken to over TLS."""
        return self.endpoint.startswith("https://")


def checked_endpoint(endpoint: str) -> str:
    """Return `endpoint` without a trailing slash. Raises `BadEndpoint`."""
    bare = endpoint.strip().rstrip("/")
    try:
        parts = urlsplit(bare)
        port_is_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise BadEndpoint(endpoint) from None
    complete = parts.scheme in ("http", "https") and parts.hostname and port_is_fine
    if not complete or parts.username or parts.path or parts.query or parts.fragment:
        raise BadEndpoint(endpoint)
    return bare


def checked_bucket(name: str) -> str:
    """Return `name`. Raises `BadBucket`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) or ".." in name:
        raise BadBucket(name)
    return name


def settings(project: Project) -> StoreSettings:
    """Return the store of `project`, as DVC would reach it.

    Keys may be absent (None): `client` says so when they are needed.
    Raises `StoreNotConfigured`, `BadBucket` and `BadEndpoint`.
    """
    configuration = _configuration(project)
    name = configuration["core"].get("remote") or DEFAULT_REMOTE
    remote = configuration["remote"].get(name)
    if remote is None:
        raise StoreNotConfigured(f"no remote named {name!r}")
    return from_remote(name, remote, os.environ)


def remote_name(project: Project) -> str:
    """Return the name of the remote that DVC uses by default. Raises `StoreNotConfigured`."""
    return str(_configuration(project)["core"].get("remote") or DEFAULT_REMOTE)


def from_remote(name: str, remote: Mapping[str, Any], environment: Mapping[str, str]) -> StoreSettings:
    """Return the settings that a remote's section and the environment give together.

    Raises `StoreNotConfigured`, `BadBucket` and `BadEndpoint`.
    """
    parts = urlsplit(str(remote.get("url", "")))
    if parts.scheme != "s3" or not parts.netloc:
        raise StoreNotConfigured(f"the url of remote {name!r} is not s3://BUCKET/PREFIX")
    endpoint = (
        remote.get("endpointurl")
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
    )
    if not endpoint:
        raise StoreNotConfigured(f"remote {name!r} has no endpointurl")
    access, secret, token = _keys(remote, environment)
    return StoreSettings(
        endpoint=checked_endpoint(str(endpoint)),
        bucket=checked_bucket(parts.netloc),
        prefix=parts.path.strip("/"),
        access_key=access,
        secret_key=secret,
        session_token=token,
        region=str(
            remote.get("region")
            or environment.get("AWS_REGION")
            or environment.get("AWS_DEFAULT_REGION")
            or DEFAULT_REGION
        ),
        verify=_verify(remote, environment),
        remote=name,
    )


def _configuration(project: Project) -> dict[str, Any]:
    from dvc.config import Config, ConfigError

    try:
        configuration: dict[str, Any] = Config(os.fspath(project.dvc_folder))
    except ConfigError as error:
        # DVC words its own errors in several lines; the first holds the reason.
        lines = str(error).splitlines() or [""]
        raise StoreNotConfigured(f"DVC cannot read its configuration ({lines[0]})") from error
    return configuration


def _verify(remote: Mapping[str, Any], environment: Mapping[str, str]) -> bool | str:
    chosen = remote.get("ssl_verify")
    if chosen is None or chosen is True:
        return environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or True
    return chosen if isinstance(chosen, bool) else str(chosen)


def _keys(
    remote: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[str | None, str | None, str | None]:
    if remote.get("access_key_id") and remote.get("secret_access_key"):
        return remote["access_key_id"], remote["secret_access_key"], remote.get("session_token")
    profile = remote.get("profile")
    if not profile and environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return (
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN"),
        )
    path = Path(
        environment.get("AWS_SHARED_CREDENTIALS_FILE")
        or remote.get("credentialpath")
        or Path.home() / ".aws" / "credentials"
    )
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None, None, None
    section = profile or environment.get("AWS_PROFILE") or "default"
    found = dict(parser[section]) if parser.has_section(section) else {}
    if not (found.get("aws_access_key_id") and found.get("aws_secret_access_key")):
        return None, None, None
    return found["aws_access_key_id"], found["aws_secret_access_key"], found.get("aws_session_token")
