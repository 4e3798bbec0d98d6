"""What is a credential by its form or its name, and what of an address may be shown.

An address in git must work for whoever may read the file and must not hand out access; the line
that refuses one goes to terminals and logs, and must not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+(?:[\w-]+: [^\n]*\s+)*[A-Za-z0-9+/]{40}"
)
FORMS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, begins, re.compile(form))
    for kind, begins, form in (
        ("an AWS access key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36}"),
        ("a GitHub token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{60}"),
        ("a GitLab token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20}"),
        ("a Hugging Face token", ("hf_",), r"\bhf_[A-Za-z0-9]{34}\b"),
        ("a Slack token", ("xox",), r"\bxox[abposr]-[0-9A-Za-z-]{20}"),
        ("a Google key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("a Google client secret", ("GOCSPX-",), r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
        ("a Slack webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}"),
        (
            "a Discord webhook",
            ("/api/webhooks/",),
            r"discord(?:app)?\.com/api/webhooks/[0-9]{15,}/[\w-]{50,}",
        ),
        ("a PyPI token", ("pypi-AgE",), r"\bpypi-AgE[A-Za-z0-9_-]{50}"),
        ("an npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a service's secret key", ("sk-",), r"\bsk-[A-Za-z0-9_-]{10,40}[A-Za-z0-9]{20}"),
        (
            "a signed token (JWT)",
            ("eyJ",),
            r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
        ),
        (
            # The header alone is a word of many manuals; the key's own lines follow it.
            "a private key",
            ("-----BEGIN",),
            _PRIVATE_KEY,
        ),
    )
)
"""What it is, what a text that holds one holds, and its form."""

_OFTEN = 5
"""Layers of percent-encoding that are looked through."""
_GIVES = re.compile(r"[/?&;,~#]")
"""What stands before a name that an address gives a value to, in its path too."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_NAME = re.compile(
    r"token(?!i)|secret|passw|passphrase|passcode|credential|signature|auth(?!user|or(?!i[sz]))"
    r"|(?<![a-z])(?:keys?|sig|sign|pass|pwd|creds?|jwt|otp|hmac|cookie|bearer|ticket|session|sid|hdn[a-z]+)(?![a-z])"
    r"|(?:access|account|api|app|client|consumer|customer|encryption|licen[cs]e|master|private|public|sas|share"
    r"|sign|signing|storage|subscription|user)_?keys?(?![a-z])"
    r"|sess(?:ion)?_?id|access_?id|(?<![a-z])x-(?:amz|cos|goog|oss)-|(?<![a-z])q-sign"
)
"""Of names in lower case, their words kept apart. Google's public links have authuser and resourcekey."""
_USER = re.compile(r"//[^/?#@]*:[^/?#@]*@")
_SCHEME = re.compile(r"((?:(?:https?|file|pypi):|[A-Za-z][A-Za-z0-9+.-]*:(?=//))?/*)(.*)", re.DOTALL)
_BEHIND = re.compile(r"[?#;]")
_NUMBERED = re.compile(r"(?:\[[0-9A-Fa-f:.]*\]|[^:\[]*)(?::[0-9]*)?")
"""A host, with or without a port."""
_SPEAKS = re.compile(r"[=?#;&@]")
_LEFT_OUT = "…"


def kind_of(text: str) -> str | None:
    """What sort of token is somewhere in `text`; None where there is none."""
    for kind, begins, form in FORMS:
        if any(begin in text for begin in begins) and form.search(text):
            return kind
    return None


def is_secret_name(name: str) -> bool:
    """Whether a value of that name hands out access, going by the name's words."""
    return _SECRET_NAME.search(_CAPITAL.sub("_", name).lower()) is not None


def decoded(text: str) -> str:
    """`text` without percent-encoding, be it encoded several times."""
    for _ in range(_OFTEN):
        before, text = text, unquote(text)
        if text == before:
            break
    return text


def given(text: str) -> Iterator[tuple[str, str]]:
    """Every name that a part of an address gives a value to, with the value."""
    for piece in _GIVES.split(decoded(text)):
        name, gives, value = piece.partition("=")
        if gives:
            yield name, value


def secret_name(text: str) -> str | None:
    """The name in a path or a query whose value is a credential; None where there is none."""
    for name, _ in given(text):
        if is_secret_name(name):
            # What else stands there may be the value, written in a way of its own.
            return re.split(r"[^\w-]", name.strip(), maxsplit=1, flags=re.ASCII)[0] or _LEFT_OUT
    return None


def has_user(text: str) -> bool:
    """Whether an address inside `text` has a user's name and password."""
    return _USER.search(decoded(text)) is not None


def shown(address: str) -> str:
    """What a message may say of `address`: no user, no query, nothing that has the form of a credential.

    Nothing is taken for granted of its form: most that is shown was refused for it.
    """
    cut = _BEHIND.search(address)
    head, behind = (address[: cut.start()], cut[0] + _LEFT_OUT) if cut else (address, "")
    scheme, rest = _SCHEME.match(head).groups()  # type: ignore[union-attr] # any text matches
    if cut and "@" in decoded(address[cut.start() :]):
        return scheme + _LEFT_OUT  # what looks like a host may be a user's name
    *asking, rest = re.split("@|%40", rest)  # a password may hold slashes
    host, *path = rest.split("/")
    if scheme != "pypi:":
        host = _told(host) if _NUMBERED.fullmatch(host) else f"{_told(host.partition(':')[0])}:{_LEFT_OUT}"
    user = f"{_LEFT_OUT}@" if asking else ""
    return scheme + user + "/".join([host, *map(_told, path)]) + behind


def _told(step: str) -> str:
    """A step of a path, or a host, where it gives no name a value and is no token."""
    plain = decoded(step)
    return _LEFT_OUT if _SPEAKS.search(plain) or kind_of(plain) else step
