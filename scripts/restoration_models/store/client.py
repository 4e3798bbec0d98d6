"""Speaking to the store: a client, and each way it can fail as one error with its remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from restoration_models.errors import WorldFailure
from restoration_models.store.settings import StoreSettings

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
NOT_S3 = "what answers there is not an S3 server"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class StoreFailure(WorldFailure):
    """The store did not do what it was asked. Its subclasses say why."""


class StoreUnreachable(StoreFailure):
    """Nothing answers at the endpoint, or not as an S3 server does."""

    def __init__(self, settings: StoreSettings, reason: str) -> None:
        super().__init__(
            f"the store does not answer ({reason})",
            where=settings.endpoint,
            remedy="start it (`models store up` starts an embedded one), "
            "or correct endpointurl in .dvc/config or .dvc/config.local",
        )


class NoKeys(StoreFailure):
    """This clone has no keys to the store."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(
            "this clone has no keys to the store",
            where=settings.endpoint,
            remedy="give it some with `models store login`, or start an embedded one with `models store up`",
        )


class WrongKeys(StoreFailure):
    """The server knows no such access key, or the secret is another one."""

    def __init__(self, settings: StoreSettings, reason: str) -> None:
        super().__init__(
            f"the store refuses access key {settings.access_key} ({reason})",
            where=settings.endpoint,
            remedy="give this clone its present keys with `models store login`",
        )


class NotAllowed(StoreFailure):
    """The keys are right, but their role may not do this."""

    def __init__(self, settings: StoreSettings, what: str) -> None:
        super().__init__(
            f"access key {settings.access_key} may not {what}",
            where=settings.endpoint,
            remedy="use the keys of a role that may, or ask the store's operator",
        )


class BucketMissing(StoreFailure):
    """The server has no such bucket."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(
            f"the store has no bucket named {settings.bucket}",
            where=settings.endpoint,
            remedy="its operator creates it with `models store init`",
        )


class ObjectMissing(StoreFailure):
    """The bucket has no such object."""

    def __init__(self, settings: StoreSettings, name: str) -> None:
        super().__init__(
            f"the store has no object {name} in bucket {settings.bucket}",
            where=settings.endpoint,
            remedy="have it pushed by someone who has the file (`dvc push`)",
        )


class WrongRegion(StoreFailure):
    """The server belongs to another region than requests are signed for."""

    def __init__(self, settings: StoreSettings, expected: str | None) -> None:
        wanted = expected or "REGION"
        super().__init__(
            f"the store's region is {expected or 'another one'}, not {settings.region}",
            where=settings.endpoint,
            remedy=f"`dvc remote modify {settings.remote} region {wanted}`",
        )


class StoreTrouble(StoreFailure):
    """The store answered with an error that none of the others describes."""

    def __init__(self, settings: StoreSettings, reason: str) -> None:
        super().__init__(
            f"the store answered with an error ({reason})",
            where=settings.endpoint,
            remedy="try again; if it stays, look at the server's log",
        )


def client(settings: StoreSettings, *, retries: int = 3) -> Any:
    """Return a `minio.Minio` for `settings`, with bounded waits and few retries.

    Nothing is sent yet. Raises `NoKeys`.
    """
    from minio import Minio

    if not (settings.access_key and settings.secret_key):
        raise NoKeys(settings)
    return Minio(
        settings.netloc,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        session_token=settings.session_token,
        secure=settings.secure,
        # Stated, because asking the server for it needs a permission of its own.
        region=settings.region,
        http_client=pool(settings, retries=retries),
    )


def pool(settings: StoreSettings, *, retries: int = 3, read_seconds: float = READ_SECONDS) -> Any:
    """Return a urllib3 connection pool for `settings`: TLS, proxy and time limits."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    import certifi
    import urllib3

    # A refused connection is answered at once; only answers that pass are asked for again.
    retry = urllib3.Retry(
        total=retries,
        connect=min(retries, 1),
        backoff_factor=0.2,
        status_forcelist=(500, 502, 503, 504),
        # MinIO asks for a minute each time where it cannot read an object from its drives.
        respect_retry_after_header=False,
    )
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        "retries": retry,
        "maxsize": 16,
    }
    if settings.secure and settings.verify is False:
        options["cert_reqs"] = "CERT_NONE"
    elif settings.secure:
        authorities = settings.verify if isinstance(settings.verify, str) else os.environ.get("SSL_CERT_FILE")
        options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": authorities or certifi.where()}
    parts = urlsplit(settings.endpoint)
    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    if proxy and host not in LOOPBACK and not proxy_bypass(host):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


@contextmanager
def asking(settings: StoreSettings, *, doing: str = "do this", name: str | None = None) -> Iterator[None]:
    """Turn what goes wrong inside the block into a `StoreFailure`.

    `doing` completes "access key … may not …"; `name` is the object asked for.
    """
    from xml.etree.ElementTree import ParseError

    from minio.error import InvalidResponseError, MinioAdminException, S3Error, ServerError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        if not error.code:
            raise StoreUnreachable(settings, NOT_S3) from error
        raise _of_code(settings, error.code, error.message or "", doing, name, _region(error)) from error
    except MinioAdminException as error:
        code, message = admin_answer(error)
        raise _of_code(settings, code, message, doing, name, None) from error
    except (InvalidResponseError, ValueError, ParseError) as error:
        # A page of something else, as XML or not.
        raise StoreUnreachable(settings, NOT_S3) from error
    except ServerError as error:
        raise StoreTrouble(settings, f"HTTP status {error.status_code}") from error
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise StoreUnreachable(settings, reason_of(error)) from error


def admin_answer(error: Any) -> tuple[str, str]:
    """Return (code, message) of a failed call to MinIO's admin API.

    Raises nothing: an answer in an unknown form gives its HTTP status as the code.
    """
    import json
    import re

    # The exception keeps status and body only inside its own text.
    text = str(error)
    start = text.find("{")
    if start >= 0:
        try:
            answer = json.loads(text[start:])
            return str(answer.get("Code", "")), str(answer.get("Message", ""))
        except ValueError:
            pass
    code = re.search(r"<Code>([^<]*)</Code>", text)
    status = re.search(r"Status: (\d+)", text)
    return (code[1] if code else f"HTTP {status[1]}" if status else "unknown"), ""


def reason_of(error: BaseException) -> str:
    """Say in a few words why a connection failed."""
    from urllib3.exceptions import (
        ConnectTimeoutError,
        NameResolutionError,
        NewConnectionError,
        ReadTimeoutError,
        ResponseError,
        SSLError,
    )

    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, NameResolutionError):
            return "no such host"
        late = isinstance(current, (ConnectTimeoutError, ReadTimeoutError, TimeoutError))
        # A refused connection is, by urllib3's classes, one that came too late.
        if late and not isinstance(current, NewConnectionError):
            return "no answer in time"
        if isinstance(current, SSLError):
            return f"TLS: {current.args[0] if current.args else 'handshake failed'}"
        if isinstance(current, ResponseError):
            return str(current)
        if isinstance(current, OSError) and current.strerror:
            return current.strerror.lower()
        inner = getattr(current, "reason", None)
        following = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
        if following is None:
            # urllib3 keeps the cause of a broken connection among the arguments.
            following = next((item for item in current.args if isinstance(item, BaseException)), None)
        current = following
    return type(error).__name__


def _region(error: Any) -> str | None:
    import re

    body = getattr(error.response, "data", b"") or b""
    found = re.search(rb"<Region>([\w-]+)</Region>", body) or re.search(
        rb"expecting '([\w-]+)'", (error.message or "").encode()
    )
    return found[1].decode() if found else None


def _of_code(
    settings: StoreSettings, code: str, message: str, doing: str, name: str | None, region: str | None
) -> StoreFailure:
    match code:
        case "InvalidAccessKeyId" | "InvalidTokenId" | "ExpiredToken":
            return WrongKeys(settings, "the store does not know it")
        case "SignatureDoesNotMatch":
            return WrongKeys(settings, "its secret is another one")
        case "RequestTimeTooSkewed":
            return StoreTrouble(settings, "this machine's clock differs too much from the store's")
        case "AuthorizationHeaderMalformed":
            return WrongRegion(settings, region)
        case "AccessDenied":
            return NotAllowed(settings, doing)
        case "NoSuchBucket":
            return BucketMissing(settings)
        case "NoSuchKey" | "NoSuchVersion" | "NoSuchObject":
            return ObjectMissing(settings, name or "of that name")
    return StoreTrouble(settings, f"{code}: {message}" if message else code)
