"""Credentials in files that git has.

Looks for what is a credential by its own form (tokens of known services, private keys, addresses
with a password) and for texts given to a name such as ``secret_key``. What is plainly no secret (a
variable, a placeholder, words, an example) is left alone. A finding names the place and the kind,
never the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from restoration_models.errors import Problem
from restoration_models.revision import Blob

PARDON = "not a secret"
"""A comment with these words on the line says that somebody looked."""
MOST_NUMBERS = 2
"""In a name made of words; a key has more."""
REMEDY = (
    "take it out, and have it replaced at its server: whoever can read this repository has it; "
    f"if it is none, say `{PARDON}` in a comment on that line"
)

_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+(?:[\w-]+: [^\n]*\s+)*[A-Za-z0-9+/]{40}"
)
_FORMS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, begins, re.compile(form))
    for kind, begins, form in (
        ("an AWS access key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36}"),
        ("a GitHub token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{60}"),
        ("a GitLab token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20}"),
        ("a Hugging Face token", ("hf_",), r"\bhf_[A-Za-z0-9]{34}\b"),
        ("a Slack token", ("xox",), r"\bxox[abposr]-[0-9A-Za-z-]{20}"),
        ("a Google key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}\b"),
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
_ADDRESS = re.compile(
    r"://(?P<user>[^\s/:@\"'`<>\\]{1,100}):(?P<text>[^\s/@\"'`<>\\]{3,200})@(?P<host>\[?[A-Za-z0-9.:-]+)"
)
_NAMES = (
    "secret", "password", "passwd", "token", "api_key", "apikey", "api-key", "access_key", "accesskey",
    "access-key", "private_key", "privatekey", "private-key", "credential", "contraseña", "clave",
)  # fmt: skip
_NAME = re.compile("|".join(_NAMES))
_BEFORE = re.compile(r"[\w.-]{0,40}\Z")
_ASSIGNED = re.compile(
    r"[\w-]{0,20}[\"']?[ \t]*(?::=|=|:)[ \t]*(?P<quote>[\"']?)"
    r"(?P<text>[A-Za-z0-9+/=_.~!@%^&*-]{12,200})(?P=quote)(?=[\s,;)}\]]|$)"
)
_PLACEHOLDER = re.compile(
    r"example|placeholder|change-?me|your|dummy|sample|redact|replace|todo|fixme|x{4}|\*{3}|\.{3}|0{8}|1234567|abcdef",
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"^(?:localhost|127\.|\[::1|(?:.*\.)?(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$)",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|[0-9]{1,4})(?:[._/-]?(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|[0-9]{1,4}))*"
)
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SURE = re.compile(r"secret|passw|private", re.IGNORECASE)


def committed(blobs: Iterable[Blob], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """A problem for each credential in the tracked files of `blobs` that are text."""
    for blob in blobs:
        content = contents.get(blob.path, b"")
        if not blob.tracked or not content or b"\0" in content[:8000]:
            continue
        key = f"commit {blob.commit[:12]}" if blob.commit else ""
        for line, kind in find(content.decode("utf-8", "replace")):
            yield Problem(blob.path, line, key, f"{kind} is committed to git", REMEDY)


def find(text: str) -> list[tuple[int, str]]:
    """The line and the kind of every credential in `text`, one a line."""
    found: dict[int, str] = {}
    for kind, start in _all(text):
        line = text.count("\n", 0, start) + 1
        if line not in found and PARDON not in _line(text, start):
            found[line] = kind
    return sorted(found.items())


def _all(text: str) -> Iterator[tuple[str, int]]:
    for kind, begins, form in _FORMS:
        if any(begin in text for begin in begins):  # most files hold none, and this is fast
            for match in form.finditer(text):
                if not _PLACEHOLDER.search(match[0]):
                    yield kind, match.start()
    if "://" in text:
        for match in _ADDRESS.finditer(text):
            if not (_LOCAL.match(match["host"]) or _is_stand_in(match["text"])):
                yield "a password in an address", match.start()
    lower = text.lower()
    if len(lower) != len(text):  # a few letters change their length, and places would be lost
        lower = "".join(ch.lower() if ch.isascii() else ch for ch in text)
    if any(name in lower for name in _NAMES):
        yield from _assigned(text, lower)


def _assigned(text: str, lower: str) -> Iterator[tuple[str, int]]:
    """Texts given to a name that speaks of a secret."""
    for named in _NAME.finditer(lower):
        match = _ASSIGNED.match(text, named.end())
        if match is None:
            continue
        before = _BEFORE.search(text, max(0, named.start() - 40), named.start())
        name = text[before.start() if before else named.start() : match.end()]
        name = re.split(r"[\"' \t:=]", name, maxsplit=1)[0].strip(".-")
        if _looks_random(match["text"], name, quoted=bool(match["quote"])):
            yield f"a text given to {name!r}", named.start()


def _is_stand_in(text: str) -> bool:
    """Whether `text` stands for a password: a variable, a placeholder, the word itself."""
    return (
        bool(_PLACEHOLDER.search(text))
        or text[:1] in "$%{<("
        or bool(re.fullmatch(r"(?i:pass(word|wd)?|pw|pwd|secret(key)?|key|token|x+)|[A-Z_]+", text))
    )


def _looks_random(text: str, name: str, *, quoted: bool) -> bool:
    """Whether `text` was drawn by a machine, going by what it is made of."""
    if _PLACEHOLDER.search(text) or _DIGEST.fullmatch(text):
        return False
    if text.count(".") > 1 or (_WORDS.fullmatch(text) and len(re.findall("[0-9]+", text)) <= MOST_NUMBERS):
        return False  # words, a path, an attribute, a version
    if not quoted and not (re.search(r"[0-9]", text) and re.search(r"[A-Za-z]", text)):
        return False
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    wanted = 3.0 if _SURE.search(name) else 3.4
    return kinds >= 2 and _entropy(text) >= wanted


def _entropy(text: str) -> float:
    """Bits a character, of the characters as often as they occur."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[text.rfind("\n", 0, start) + 1 : end if end >= 0 else len(text)]
