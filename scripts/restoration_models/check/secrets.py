"""Credentials in files that git has.

Looks for what is a credential by its own form (tokens of known services, private keys, addresses
with a password) and for texts given to a name such as ``secret_key``. What is plainly no secret (a
variable, a placeholder, words, an example) is left alone. A finding names the place and the kind,
never the text.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from restoration_models.credentials import FORMS, given, is_secret_name
from restoration_models.errors import Problem
from restoration_models.revision import Blob

PARDON = "not a secret"
"""A comment with these words on the line says that somebody looked."""
MOST_NUMBERS = 2
"""In a name made of words; a key has more."""
ALONE = 20
"""Characters of a token that stands alone before an address's host; a user's name is shorter."""
SHORTEST = 6
"""Characters of a password that is taken for one."""
REMEDY = (
    "take it out, and have it replaced at its server: whoever can read this repository has it; "
    f"if it is none, say `{PARDON}` in a comment on that line"
)

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ADDRESS = re.compile(
    r"://(?P<user>[^\s/:@\"'`<>\\]{1,100})(?::(?P<text>[^\s/@\"'`<>\\]{3,200}))?@(?P<host>\[?[A-Za-z0-9.:-]+)"
)
_IN_FULL = re.compile(r"://(?P<host>[^\s/?#\"'`<>\\]{1,200})(?P<rest>[^\s\"'`<>\\]{1,2000})")
_NAMES = (
    "secret", "password", "passwd", "token", "api_key", "apikey", "api-key", "access_key", "accesskey",
    "access-key", "private_key", "privatekey", "private-key", "credential", "contraseña", "contrasena",
    "clave", "accountkey", "account_key", "passphrase", "pass", "pwd",
)  # fmt: skip
# What an alternative begins with is what the search leaps to: the look back comes last.
_NAME = re.compile("|".join(name if len(name) > 4 else f"{name}(?<![a-z]{name})(?![a-z])" for name in _NAMES))
_BEFORE = re.compile(r"[\w.-]{0,40}\Z")
_ASSIGNED = re.compile(
    r"[\w-]{0,20}(?:"
    r"[\"'`]?\]?[ \t]*(?::[ \t]*[A-Za-z][\w.\[\]|]{0,30}[ \t]*=|:=|=>|=|:)[ \t]*"
    # YAML has a value on the next line, other languages behind a bracket or the line's end.
    r"(?:(?:[>|][+-]?|[(\\])?[ \t]*\r?\n[ \t]{1,40})?"
    r"|(?P<element>>)|(?P<option>[ \t]+)"
    r")(?P<quote>\"\"\"|\'\'\'|[\"'`]?)"
    r"(?P<text>[A-Za-z0-9+/=_.~!@%^&*#$(?-]{12,200})(?P=quote)(?=[\s,;)}\]<]|$)"
)
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_PLAIN = re.compile(r"[A-Za-z0-9+/=_.~!@%^&*-]+")
_VALUE = r"[\"'`]?(?P<text>[^\s\"'`<>\\]{8,200})"
_GAP = r"(?:[ \t]|\\\r?\n)+"
"""Between the words of a command, which may go on in the next line."""
_MC = (
    r"\bmc(?:li)?[ \t]+(?:-\S+[ \t]+)*(?:alias[ \t]+set|config[ \t]+host[ \t]+add|admin[ \t]+user[ \t]+add)"
    rf"(?:{_GAP}-\S+)*(?:{_GAP}[^\s\\]+){{2,3}}{_GAP}{_VALUE}"
)
_CURL = (
    r"\bcurl\b(?:[^\n\\]|\\\r?\n|\\.){0,200}?\s(?:-u|--user|-U|--proxy-user)"
    rf"[ =]?[\"']?[^\s:\"']{{1,100}}:{_VALUE}"
)
_CLIENT = (
    r"\b(?:Minio|NewStaticV[24]|NewStatic|NewStaticCredentials)"
    rf"\((?:\s*[\"'][^\"'\n]{{0,200}}[\"']\s*,){{1,2}}\s*{_VALUE}"
)
_TOLD = tuple(
    (kind, hints, re.compile(form))
    for kind, hints, form in (
        ("the secret key of an mc command", ("mc ", "mcli "), _MC),
        ("a password given to curl", ("curl ",), _CURL),
        ("a bearer token", ("earer ",), r"\b[Bb]earer[ \t]+(?P<text>[A-Za-z0-9+/=_.~-]{16,400})"),
        ("a secret key given to a client", ("Minio(", "NewStatic"), _CLIENT),
        ("a password of a netrc", ("machine ",), rf"\bmachine\s+\S+\s+login\s+\S+\s+password\s+{_VALUE}"),
    )
)
"""What it is, a word that a text with one holds, and its form: the text is given by its place."""
_ENCODED = re.compile(
    r"(?i:\bbasic[ \t]+|[\"']auth[\"'][ \t]*:[ \t]*[\"'])"
    r"(?P<text>[A-Za-z0-9+/]{10,200}={0,2})(?![A-Za-z0-9+/=])"
)
"""``user:password`` in base 64, as headers and Docker's settings have it."""
_PLACEHOLDER = re.compile(
    r"example|placeholder|change-?me|your|dummy|sample|redact|replace|todo|fixme|x{4}|\*{3}|\.{3}|0{8}|1234567|abcdef",
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"^(?:localhost|127\.|\[::1|(?:.*\.)?(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$)",
    re.IGNORECASE,
)
_HOST = re.compile(r"://([^\s/@]+)")
_WORD = r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|[0-9]{1,4}|[aA](?=[._/-]))"
_WORDS = re.compile(rf"{_WORD}(?:[._/-]?{_WORD})*")
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SURE = re.compile(
    r"secret|passw|private|passphrase|contrase|(?<![a-z])(?:pass|pwd)(?![a-z])|api[_-]?key|account_?key",
    re.IGNORECASE,
)
_OF_A_DIGEST = re.compile(
    r"sha|md5|hash|digest|finger|checksum|commit|(?<![a-z])u?id(?![a-z])", re.IGNORECASE
)
_CHOSEN = re.compile(
    r"(?!pass|secret|test|my|foo|user|demo|fake|mock|some)[a-z]{5,}[0-9]{2,8}[!.*#$]?", re.IGNORECASE
)
"""A password as people choose them: a word, and a number."""
_OF_A_PASSWORD = re.compile(r"passw|passphrase|contrase|(?<![a-z])(?:pass|pwd)(?![a-z])", re.IGNORECASE)
_VARIABLE = re.compile(r"\A[$%]\w+%?\Z|\$[({]|\$[A-Z][A-Z0-9_]+(?![a-z])|\{\w*\}|%[(s]|\A[{<(\[]")


def committed(blobs: Iterable[Blob], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """A problem for each credential in the tracked files of `blobs` that are text."""
    for blob in blobs:
        text = text_of(contents.get(blob.path, b"")) if blob.tracked else None
        if not text:
            continue
        key = f"commit {blob.commit[:12]}" if blob.commit else ""
        for line, kind in find(text):
            yield Problem(blob.path, line, key, f"{kind} is committed to git", REMEDY)


def text_of(content: bytes) -> str | None:
    """What a file says; None where it is no text. Windows' shell writes UTF-16, with a mark before it."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    return None if b"\0" in content[:8000] else content.decode("utf-8", "replace")


def find(text: str) -> list[tuple[int, str]]:
    """The line and the kind of every credential in `text`, one a line."""
    found: dict[int, str] = {}
    for kind, start, end in _all(text):
        line = text.count("\n", 0, start) + 1
        if line not in found and PARDON not in _lines(text, start, end):
            found[line] = kind
    return sorted(found.items())


def _all(text: str) -> Iterator[tuple[str, int, int]]:
    """What is found, where it begins, and where what may pardon it ends."""
    for kind, begins, form in FORMS:
        if any(begin in text for begin in begins):  # most files hold none, and this is fast
            for match in form.finditer(text):
                if not _PLACEHOLDER.search(match[0]):
                    yield kind, match.start(), match.start()
    if "://" in text:
        for match in _ADDRESS.finditer(text):
            secret = match["text"] or ""
            if _LOCAL.match(match["host"]):
                continue
            if secret and not _is_stand_in(secret):
                yield "a password in an address", match.start(), match.start()
            elif (
                not secret and len(match["user"]) >= ALONE and _looks_random(match["user"], "", quoted=False)
            ):
                yield "a token in an address", match.start(), match.start()
        yield from _queried(text)
    for kind, hints, form in _TOLD:
        if any(hint in text for hint in hints):
            for match in form.finditer(text):
                if _is_told(match["text"]) and not any(map(_LOCAL.match, _HOST.findall(match[0]))):
                    yield kind, match.start(), match.end()
    if any(hint in text for hint in ("asic ", "ASIC ", '"auth"', "'auth'")):
        for match in _ENCODED.finditer(text):
            if _is_pair(match["text"]):
                yield "a password in base 64", match.start(), match.start()
    lower = text.lower()
    if len(lower) != len(text):  # a few letters change their length, and places would be lost
        lower = "".join(ch.lower() if ch.isascii() else ch for ch in text)
    if any(name in lower for name in _NAMES):
        yield from _assigned(text, lower)


def _queried(text: str) -> Iterator[tuple[str, int, int]]:
    """Texts that an address gives to a name that speaks of a secret."""
    for match in _IN_FULL.finditer(text):
        if "=" not in match["rest"] or _LOCAL.match(match["host"]):
            continue
        for name, value in given(match["rest"]):
            if is_secret_name(name) and _is_told(value):
                yield "a credential in an address", match.start(), match.start()
                break


def _assigned(text: str, lower: str) -> Iterator[tuple[str, int, int]]:
    """Texts given to a name that speaks of a secret."""
    for named in _NAME.finditer(lower):
        match = _ASSIGNED.match(text, named.end())
        if match is None:
            continue
        before = _BEFORE.search(text, max(0, named.start() - 40), named.start())
        begin = before.start() if before else named.start()
        if match["option"] and not text.startswith("--", begin):
            continue  # two words of a sentence
        if _CALL.match(match["text"]) and not match["quote"] and text[match.end() : match.end() + 1] in ",)":
            continue
        name = re.split(r"[\"'` \t:=>\]]", text[begin : match.end()], maxsplit=1)[0].strip(".-")
        if _looks_random(match["text"], name, quoted=bool(match["quote"])):
            yield f"a text given to {name!r}", named.start(), match.end()


def _is_stand_in(text: str) -> bool:
    """Whether `text` stands for a password: a variable, a placeholder, the word itself."""
    return (
        bool(_PLACEHOLDER.search(text))
        or text[:1] in "$%{<("
        or bool(re.fullmatch(r"(?i:pass(word|wd)?|pw|pwd|secret(key)?|key|token|x+)|[A-Z_]+", text))
    )


def _is_told(text: str) -> bool:
    """Whether `text`, where a command or a call has its password, is one."""
    return not _is_stand_in(text) and _looks_random(text, "password", quoted=True)


def _is_pair(text: str) -> bool:
    """Whether `text` is a user's name and password in base 64."""
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    plain = (user + password).isprintable()
    return bool(user and colon and plain and len(password) >= SHORTEST and not _is_stand_in(password))


def _looks_random(text: str, name: str, *, quoted: bool) -> bool:
    """Whether `text` was drawn by a machine, going by what it is made of, or chosen as a password."""
    sure = bool(_SURE.search(name))
    if _PLACEHOLDER.search(text) or _VARIABLE.search(text):
        return False
    if _DIGEST.fullmatch(text):
        return sure and not _OF_A_DIGEST.search(name)
    if _CHOSEN.fullmatch(text) and _OF_A_PASSWORD.search(name):
        return True
    words = text.lstrip("~./")  # of a path
    if text.count(".") > 1 or (_WORDS.fullmatch(words) and len(re.findall("[0-9]+", text)) <= MOST_NUMBERS):
        return False  # words, a path, an attribute, a version
    plain = bool(_PLAIN.fullmatch(text))
    if not (quoted and plain) and not (re.search(r"[0-9]", text) and re.search(r"[A-Za-z]", text)):
        return False
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    wanted = 3.0 if sure else 3.4
    return (plain or sure) and kinds >= 2 and _entropy(text) >= wanted


def _entropy(text: str) -> float:
    """Bits a character, of the characters as often as they occur."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def _lines(text: str, start: int, end: int) -> str:
    """The whole lines that `start` to `end` stand on."""
    stop = text.find("\n", end)
    return text[text.rfind("\n", 0, start) + 1 : stop if stop >= 0 else len(text)]
