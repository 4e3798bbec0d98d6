"""``models sources``: every host is asked, nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from restoration_models import catalogue, upstream
from restoration_models.project import Project
from restoration_models.upstream import Answer
from support import catalogue as made
from support.downloads import QUICK, content, sha256
from support.origin import Faults, Origin
from support.servers import models

DATA = content(5_000)
HUB = "https://huggingface.co/o/n/resolve/0123456789012345678901234567890123456789/x.pth"
GITHUB = "https://github.com/o/n/releases/download/v1/x.pth"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def project(root: Path, **sources: list[str]) -> Project:
    entries = {
        slug.replace("_", "-"): made.entry(
            number, size=len(DATA), sha256=sha256(DATA) if number == 1 else f"{number:064x}", sources=listed
        )
        for number, (slug, listed) in enumerate(sources.items(), start=1)
    }
    return made.write(root, made.head(), {"layer-1": made.layer(entries)})


def answers(at: Project, origin: Origin) -> list[tuple[str, str, str]]:
    asked = upstream.ask(
        at, catalogue.load(at).models, jobs=4, policy=QUICK, environ={**origin.environ(), "PIP_NO_INDEX": "1"}
    )
    return [(one.model.slug, str(one.answer), one.detail) for one in asked]


def test_every_answer_is_told_in_the_catalogues_order(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in origin.environ().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "x.pth").write_bytes(DATA)
    at = project(
        tmp_path,
        fine=[
            origin.hub(HUB, DATA),
            origin.github(GITHUB, DATA),
            origin.add("/x.pth", DATA),
            origin.add("/chunked.pth", DATA, Faults(no_length=True, ignore_range=True)),
            "file:x.pth",
        ],
        wrong=[
            origin.hub(HUB.replace("x.pth", "y.pth"), DATA[1:]),
            origin.add("/other.pth", DATA + b"x"),
            origin.add("/gone.pth", b"", Faults(status=404)),
            origin.add("/page.pth", b"", Faults(page="<html><title>Sign in</title></html>")),
            "pypi:nothing==1.0/x.pth",
        ],
    )
    found = answers(at, origin)

    assert found == [
        ("fine", Answer.DIGEST, ""),
        ("fine", Answer.SIZE, ""),
        ("fine", Answer.SIZE, ""),
        ("fine", Answer.PRESENT, ""),
        ("fine", Answer.SIZE, ""),
        (
            "wrong",
            Answer.OTHER,
            f"serves sha256 {sha256(DATA[1:])}, the catalogue declares {2:064x}",
        ),
        ("wrong", Answer.OTHER, "serves 5,001 bytes, the catalogue declares 5,000"),
        ("wrong", Answer.UNAVAILABLE, "does not have the file (404)"),
        ("wrong", Answer.UNAVAILABLE, 'answered a login page titled "Sign in" instead of the file'),
        (
            "wrong",
            Answer.UNAVAILABLE,
            "the package index has no wheel of nothing, or cannot be reached",
        ),
    ]
    assert origin.sent() < len(DATA)


def test_a_host_that_stumbles_is_asked_again(tmp_path: Path, origin: Origin) -> None:
    at = project(tmp_path, fine=[origin.add("/x.pth", DATA, Faults(times=3, status=503))])
    assert answers(at, origin) == [("fine", Answer.SIZE, "")]


def test_the_exit_status_tells_what_happened(tmp_path: Path, origin: Origin) -> None:
    """0 where all is fine, 3 where a source is unavailable, 1 where one has another file."""
    at = project(
        tmp_path,
        fine=[origin.add("/x.pth", DATA)],
        gone=[origin.add("/gone.pth", b"", Faults(status=404))],
        other=[origin.add("/other.pth", DATA + b"x")],
    )
    fine = models(at.root, "sources", "fine")
    assert (fine.returncode, fine.stderr) == (0, "asking 1 source of 1 model\n")
    assert "size is right" in fine.stdout
    assert fine.stdout.endswith("\n1 of 1 sources are fine\n")
    gone = models(at.root, "sources", "fine", "gone", "--json")
    assert gone.returncode == 3
    assert [one["answer"] for one in json.loads(gone.stdout)] == ["size", "unavailable"]
    assert gone.stderr == (
        "asking 2 sources of 2 models\n"
        "1 source is unavailable; ask again later; take out what stays away, or list another source\n"
    )
    changed = models(at.root, "sources")
    host = origin.url.removeprefix("http://")
    assert changed.returncode == 1
    assert f"0: {host}" in changed.stdout
    assert changed.stdout.endswith("\n1 of 3 sources are fine\n")
    assert changed.stderr == (
        "asking 3 sources of 3 models\n"
        "1 source serves another file than declared, and 1 is unavailable; compare with upstream: it "
        "replaced the file, or the catalogue is wrong\n"
    )
    unknown = models(at.root, "sources", "fin")
    assert (unknown.returncode, unknown.stdout) == (1, "")
