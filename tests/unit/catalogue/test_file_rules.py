"""What the entries say of the file: name, size, digests, addresses.

Each rule broken once: the message, and the file, line and key it names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import catalogue as small
from support.faults import KEBAB, WORD, Files, L, case, one, slug

CASES = [
    case(
        "capitals in a slug",
        slug("Restormer"),
        f"{L}:5: models.Restormer: 'Restormer' is not in kebab-case; {KEBAB}",
    ),
    case("underscore in a slug", slug("a_b"), f"{L}:5: models.a_b: 'a_b' is not in kebab-case; {KEBAB}"),
    case(
        "a slug with a line break",
        slug("a\n"),
        f"{L}:5: models['a\\n']: 'a\\n' is not in kebab-case; {KEBAB}",
    ),
    case("two dashes in a slug", slug("a--b"), f"{L}:5: models.a--b: 'a--b' is not in kebab-case; {KEBAB}"),
    case("digit first", slug("1a"), f"{L}:5: models.1a: '1a' is not in kebab-case; {KEBAB}"),
    case(
        "81 characters in a slug",
        slug("a" * 81),
        f"{L}:5: "
        "models.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…: "
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa… is not in kebab-case; "
        f"{KEBAB}",
    ),
    case(
        "slug is a YAML word",
        slug("null"),
        f"{L}:5: models.null: 'null' cannot be a name here; choose another",
    ),
    case("slug is y", slug("y"), f"{L}:5: models.y: 'y' cannot be a name here; choose another"),
    case(
        "slug is reports",
        slug("reports"),
        f"{L}:5: models.reports: 'reports' cannot be a name here; choose another",
    ),
    case("path in file", one(file="../a.pth"), f"{L}:8: models.a.file: '../a.pth': {WORD}"),
    case("hidden file", one(file=".a"), f"{L}:8: models.a.file: '.a': {WORD}"),
    case("option-like file", one(file="-rf"), f"{L}:8: models.a.file: '-rf': {WORD}"),
    case("shell in file", one(file="a;b.pth"), f"{L}:8: models.a.file: 'a;b.pth': {WORD}"),
    case(
        "generated name",
        one(file="Sample.png"),
        f"{L}:8: models.a.file: 'Sample.png' is a name that the project or DVC uses itself; choose another",
    ),
    case(
        "dvc file",
        one(file="a.dvc"),
        f"{L}:8: models.a.file: 'a.dvc' is a name that the project or DVC uses itself; choose another",
    ),
    case(
        "short sha256",
        one(sha256="ab12"),
        f"{L}:10: models.a.sha256: 'ab12': must be 64 lower-case hexadecimal digits",
    ),
    case(
        "capital sha256",
        one(sha256="A" * 64),
        f"{L}:10: models.a.sha256: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA…: "
        "must be 64 lower-case hexadecimal digits",
    ),
    case(
        "short md5",
        one(md5="0" * 31),
        f"{L}:17: models.a.md5: '0000000000000000000000000000000': must be 32 lower-case hexadecimal digits",
    ),
    case("size 0", one(size=0), f"{L}:9: models.a.size: 0: must be greater than 0"),
    case(
        "size as text",
        one(size="12"),
        f"{L}:9: models.a.size: '12': must be a whole number; write it without quotes",
    ),
    case("size with a fraction", one(size=1.5), f"{L}:9: models.a.size: 1.5: must be a whole number"),
    case("size true", one(size=True), f"{L}:9: models.a.size: True: must be a whole number"),
    case(
        "no source",
        one(sources=None),
        f"{L}:5: models.a: no source; give one under sources, or origin: local for weights that "
        "only the store has",
    ),
    case(
        "empty sources",
        one(sources=[]),
        f"{L}:5: models.a: no source; give one under sources, or origin: local for weights that "
        "only the store has",
    ),
    case(
        "source twice",
        one(
            sources=[
                "https://drive.google.com/uc?id=aaaaaaaaaaaaaaa",
                "https://drive.google.com/file/d/aaaaaaaaaaaaaaa/view",
            ]
        ),
        f"{L}:13: models.a.sources[1]: the source is given twice; keep one",
    ),
    case(
        "local with source",
        one(origin="local"),
        f"{L}:17: models.a.origin: origin: local and sources exclude each other; remove one of them",
    ),
    case(
        "credentials",
        one(sources=["https://me:pw@example.com/a"]),
        f"{L}:12: models.a.sources[0]: carries a user name or password; credentials do not belong "
        "in the catalogue",
    ),
    case(
        "source is a text",
        one(sources="https://example.com/a"),
        f"{L}:11: models.a.sources: 'https://example.com/a': must be a list",
    ),
    case(
        "no address",
        one(sources=["ftp://example.com/a"]),
        f"{L}:12: models.a.sources[0]: is no address that can be downloaded; expected https://, "
        "pypi: or file:",
    ),
    case(
        "plain http",
        one(sources=["http://example.com/a"]),
        f"{L}:12: models.a.sources[0]: is not encrypted; write https:// (http:// is for loopback hosts only)",
    ),
]


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_one_fault(tmp_path: Path, files: Files, expected: list[str]) -> None:
    assert [str(problem) for problem in small.problems(small.write(tmp_path, *files))] == expected
