"""Asking a web server, with redirects followed by hand and every answer made sense of."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from restoration_models import __version__
from restoration_models.download.policy import Policy
from restoration_models.download.trouble import Disqualified, Late, Transient
from restoration_models.sources import WebSource
from restoration_models.sources.address import Reach, is_local_host, reach

if TYPE_CHECKING:
    import requests

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PAGE_LIMIT = 256 * 1024


@dataclass(slots=True)
class Answer:
    """A server's answer whose body was not read yet."""

    status: int
    headers: Mapping[str, str]
    url: str
    raw: Any
    """urllib3's response."""
    hops: list[Mapping[str, str]] = field(default_factory=list)
    """Headers of the redirects that led here."""
    patience: float = 60.0
    """Seconds that a page may take."""

    @property
    def length(self) -> int | None:
        """Content-Length, where it is stated and sane."""
        text = self.headers.get("Content-Length", "")
        return int(text) if re.fullmatch(r"\d{1,18}", text) else None

    @property
    def content_range(self) -> tuple[int, int, int | None] | None:
        """First position, position after the last, and the whole size, as a 206 states them."""
        found = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", self.headers.get("Content-Range", "")
        )
        if not found:
            return None
        return int(found[1]), int(found[2]) + 1, None if found[3] == "*" else int(found[3])

    @property
    def encoding(self) -> str:
        """Content-Encoding, empty for none."""
        encoding = self.headers.get("Content-Encoding", "").strip().lower()
        return "" if encoding == "identity" else encoding

    @property
    def validator(self) -> str | None:
        """What If-Range may be given: a strong ETag, else the date of the last change."""
        tag = self.headers.get("ETag", "").strip()
        if tag.startswith('"'):
            return tag
        return self.headers.get("Last-Modified") or None

    @property
    def is_page(self) -> bool:
        """Whether it says to be a page for people."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return kind in ("text/html", "application/xhtml+xml")

    def read(self, amount: int) -> bytes:
        """Return what has come, at most `amount` bytes; empty at the end.

        Raises `Transient` where the connection breaks, stalls, or ends early.
        """
        import urllib3

        try:
            data: bytes = self.raw.read1(amount, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            raise Transient("stopped sending in the middle") from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # ValueError: the socket was shut by `abort` in between.
            raise Transient(_broken(error)) from None
        return data

    def page(self) -> str:
        """Return the body as text, as far as a page of any use is long."""
        text, end = b"", time.monotonic() + self.patience
        while len(text) < _PAGE_LIMIT and (data := self.read(_PAGE_LIMIT - len(text))):
            text += data
            if time.monotonic() > end:
                raise Transient("only drips a page")
        if self.encoding in ("gzip", "deflate"):
            import zlib

            try:
                text = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(text, _PAGE_LIMIT)
            except zlib.error:
                text = b""
        return text.decode("utf-8", "replace")

    def close(self) -> None:
        """Drop the connection."""
        self.raw.close()

    def abort(self) -> None:
        """Wake a thread that is reading. From another thread; the reader closes."""
        try:
            self.raw.shutdown()
        except (OSError, RuntimeError, ValueError):
            return  # already closed, or given back


class Web:
    """One conversation with a source's servers. Not for several threads at once."""

    def __init__(self, source: WebSource, policy: Policy, environ: Mapping[str, str] | None = None) -> None:
        from restoration_models.download.guard import Guard, GuardedAdapter
        from restoration_models.download.session import Unled

        self._source = source
        self._policy = policy
        self._environ = os.environ if environ is None else environ
        self._guard = Guard(source.host)
        self._without_token = False
        self.session = Unled()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, GuardedAdapter(self._guard))
        self.session.trust_env = not source.direct
        # Neither .netrc nor anything else may add credentials behind our back.
        self.session.auth = _no_credentials
        self.session.headers.clear()
        self.session.headers.update(
            {
                "User-Agent": f"restoration-models/{__version__}",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            }
        )

    def close(self) -> None:
        """Drop every connection."""
        self.session.close()

    def open(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
        """Ask for `url`, follow redirects, and return the first answer that is none.

        Raises `Transient` where asking again may help and `Disqualified` where it will not.
        """
        hops: list[Mapping[str, str]] = []
        start = url
        while True:
            token = self._token(url)
            response = self._send(method, url, {**(headers or {}), **token})
            answer = Answer(
                response.status_code, response.headers, url, response.raw, hops, self._policy.answer_seconds
            )
            if token and answer.status in (401, 403, 404):
                # An expired token turns even a public file away.
                answer.close()
                self._without_token = True
                url, hops = start, []
                continue
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            answer.close()
            hops.append(answer.headers)
            if len(hops) > self._policy.max_redirects:
                raise Disqualified(f"redirects more than {self._policy.max_redirects} times")
            url = self._redirected(url, answer.headers["Location"])

    def token_hint(self) -> str:
        """Name the variable that could open a closed door, where there is one."""
        variables = [name for names in self._source.tokens.values() for name in names]
        if not variables or any(self._environ.get(name) for name in variables):
            return ""
        return f"; {variables[0]} is not set, which would be sent to {self._source.host}"

    def _redirected(self, url: str, location: str) -> str:
        from restoration_models.download.guard import resolved

        try:
            # http.client reads headers as latin-1; browsers and servers mean UTF-8.
            target = urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))
            parts = urlsplit(target)
            host = (parts.hostname or "").lower()
            named = host.isprintable() and len(host.split()) == 1 and not parts.username
            valid = parts.scheme in ("http", "https") and named and (parts.port or 1)
        except (ValueError, UnicodeEncodeError):
            valid = False
        if not valid:
            raise Disqualified("redirects to something that is no web address")
        if host in ("accounts.google.com", "login.microsoftonline.com"):
            raise Disqualified(f"asks for a login ({host})")
        if host != self._source.host:
            found = reach(host)
            if found is None and not self._proxied(target):
                found = resolved(host)
            self._guard.require(found or Reach.PUBLIC, host)
        if parts.scheme == "http" and (urlsplit(url).scheme == "https" or not is_local_host(host)):
            raise Disqualified(f"redirects to an unencrypted address at {host}")
        return target

    def _proxied(self, url: str) -> bool:
        """Whether a proxy is asked for `url`: it resolves names, in its own network."""
        from requests.utils import select_proxy

        proxies = self.session.merge_environment_settings(url, {}, None, None, None)["proxies"]
        return bool(select_proxy(url, proxies))

    def _token(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        if self._without_token or parts.scheme != "https" or parts.port not in (None, 443):
            return {}
        for variable in self._source.tokens.get((parts.hostname or "").lower(), ()):
            if value := self._environ.get(variable, "").strip():
                return {"Authorization": f"Bearer {value}"}
        return {}

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        import requests

        timeout = (self._policy.connect_timeout, self._policy.read_timeout)
        trust = self._source.trust
        try:
            with self._guard.patience(self._policy.answer_seconds):
                return self.session.request(
                    method,
                    url,
                    headers=dict(headers),
                    stream=True,
                    allow_redirects=False,
                    timeout=timeout,
                    verify=trust,
                )
        except (requests.RequestException, OSError, ValueError) as error:
            raise trouble_of(error, urlsplit(url).hostname or "", self._source.host) from None


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _causes(error: BaseException) -> list[BaseException]:
    """`error` and everything it wraps, whichever way the libraries wrapped it."""
    found: list[BaseException] = []
    queue: list[BaseException] = [error]
    while queue and len(found) < 20:
        one = queue.pop(0)
        if any(one is other for other in found):
            continue
        found.append(one)
        inner = [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]
        queue.extend(item for item in inner if isinstance(item, BaseException))
    return found


def trouble_of(error: BaseException, host: str, source_host: str) -> Transient | Disqualified:
    """Say in words what a failed request means. Never repeats an address: it may be signed."""
    import requests
    from urllib3 import exceptions as u

    causes = _causes(error)

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in causes)

    at = f" (at {host}, where it redirects)" if host and host != source_host else ""
    if has(requests.exceptions.InvalidURL, u.LocationParseError):
        return Disqualified("leads to an address that cannot be read" + at)
    if has(u.ProxyError, requests.exceptions.ProxyError):
        return Transient("the proxy could not be used" + _proxy_words(causes) + at, unreachable=True)
    if has(u.NameResolutionError, socket.gaierror):
        return Transient("could not be resolved" + at, unreachable=True)
    if has(u.SSLError, requests.exceptions.SSLError):
        if any("CERTIFICATE_VERIFY_FAILED" in str(one) for one in causes):
            return Disqualified("its certificate is not trusted by this machine" + at)
        return Transient("the encrypted connection failed" + at, unreachable=True)
    # Before a late one: to urllib3 every connection that is not made came too late.
    if has(ConnectionRefusedError):
        return Transient("refused the connection" + at, unreachable=True)
    if has(u.ConnectTimeoutError, requests.exceptions.ConnectTimeout):
        return Transient("did not answer in time" + at, unreachable=True)
    if has(u.NewConnectionError):
        return Transient("could not be reached" + at, unreachable=True)
    if has(Late):
        # Not silence, which passes: it was busy with something that is no answer, and each try costs
        # a minute.
        return Transient("took the request and never answered" + at, unreachable=True)
    if has(u.ReadTimeoutError, requests.exceptions.ReadTimeout, TimeoutError):
        return Transient("took the request and never answered" + at)
    if has(OSError) and not has(requests.exceptions.ConnectionError, ConnectionError):
        missing = next((one for one in causes if isinstance(one, OSError) and "bundle" in str(one)), None)
        if missing is not None:
            return Disqualified("the file of trusted certificates (REQUESTS_CA_BUNDLE) is missing")
    return Transient(_broken(error) + at)


def _proxy_words(causes: list[BaseException]) -> str:
    for one in causes:
        if found := re.search(r"Tunnel connection failed: (\d{3})", str(one)):
            return f" (it answered {found[1]})"
    return ""


def _broken(error: BaseException) -> str:
    reset = any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in _causes(error))
    return "reset the connection" if reset else "broke off the connection"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def status_trouble(answer: Answer) -> Transient | Disqualified:
    """Say in words what a status other than 200 and 206 means."""
    status = answer.status
    if status in (408, 425, 429) or status >= 500:
        words = {429: "asks for fewer requests (429)", 503: "is busy (503)"}.get(
            status, f"answered with an error of its own ({status})"
        )
        trouble = Transient(words, retry_after=retry_after(answer.headers))
        trouble.crowded = status in (429, 503)
        return trouble
    words = {
        401: "asks for a login (401)",
        403: "refuses access (403)",
        404: "does not have the file (404)",
        407: "lies behind a proxy that asks for a login (407)",
        410: "no longer has the file (410)",
        451: "may not hand out the file here (451)",
    }.get(status, f"answered with status {status}")
    return Disqualified(words)


_HTML = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head)\b",
    re.I | re.S,
)


def looks_like_page(beginning: bytes) -> bool:
    """Say whether a file that begins so is a page for people."""
    return _HTML.match(beginning) is not None


def page_words(text: str) -> str:
    """Describe a page that came instead of the file, by its title."""
    lowered = text.lower()
    found = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S)
    title = " ".join(found[1].split())[:80] if found else ""
    title = re.sub(r"[^\w\s.,:;!?()'/&-]", "", title)
    about = f' titled "{title}"' if title else ""
    if "quota" in lowered and ("exceeded" in lowered or "exhausted" in lowered):
        return f"answered a page{about} instead of the file: its download quota is used up"
    if 'type="password"' in lowered or "sign in" in title.lower() or "log in" in title.lower():
        return f"answered a login page{about} instead of the file"
    return f"answered an HTML page{about} instead of the file"
