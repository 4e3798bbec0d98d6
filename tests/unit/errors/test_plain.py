"""Nothing that comes from elsewhere steers a terminal or a runner's log, on any way to it."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from restoration_models import cli
from restoration_models.cli import edge, render
from restoration_models.cli.progress import DownloadProgress
from restoration_models.download import events
from restoration_models.errors import ModelProblem, Problem
from restoration_models.plain import one_line, plain
from support.effort import examples

STEERING = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\r",
    "\x9b31m",
    "\u202e",
    "\u2066",
    "\x08",
    "\x00",
    "\ufeff",
    "\U000e0001",
]
COMMANDS = ["::error::x", " ::set-output name=a::b", "##[group]x", "a\n::stop-commands::t"]


def harmless(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


@pytest.mark.parametrize("steering", STEERING)
def test_what_steers_is_written_out(steering: str) -> None:
    shown = plain(f"a{steering}b\n\tñ 中 \N{NARROW NO-BREAK SPACE}€")
    assert shown.startswith("a\\")
    assert shown.endswith("b\n\tñ 中 \N{NARROW NO-BREAK SPACE}€")


@pytest.mark.parametrize("text", COMMANDS)
def test_no_line_is_an_order_to_a_runner(text: str) -> None:
    assert not any(line.lstrip().startswith(("::", "##[")) for line in plain(text).splitlines())
    assert plain("a :: b") == "a :: b"
    assert plain("## Heading") == "## Heading"


@examples(100)
@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    shown = plain(text)
    assert all(char.isprintable() or char in "\n\t" or char.isspace() for char in shown)
    assert plain(shown) == shown
    assert "\n" not in one_line(text)
    if text.isprintable() and "::" not in text and "##[" not in text:
        assert shown == text


@pytest.mark.parametrize("steering", STEERING)
def test_errors_and_problems_are_lines(steering: str) -> None:
    """As a traceback in a notebook shows them too, not only the command line."""
    text = f"a{steering}b"
    assert harmless(str(ModelProblem(text, where=text, remedy=text)))
    assert harmless(str(Problem(text, 1, text, text, text)))
    late = ModelProblem("x")
    late.where = text
    assert harmless(str(late))


@pytest.mark.parametrize("steering", STEERING)
def test_everything_that_is_printed(steering: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    edge.guard_streams()
    edge.guard_streams()  # twice is once
    text = f"a{steering}b"
    typer.echo(text)
    print(text)  # noqa: T201
    render.table(("model", "detail"), [(text, "[bold]x[/bold]")])
    render.as_json({"a": text, text: [text]})
    typer.echo(text, err=True)
    edge.say(text)
    assert harmless(out.getvalue())
    assert harmless(err.getvalue())
    start = out.getvalue().index("{")
    assert json.loads(out.getvalue()[start:]) == {"a": text, text: [text]}
    assert "[bold]x[/bold]" in out.getvalue()


@pytest.mark.parametrize("steering", STEERING)
@pytest.mark.parametrize("terminal", [False, True])
def test_download_lines(steering: str, terminal: bool) -> None:
    """Host names and reasons are a server's to choose."""
    text = f"a{steering}b"
    told = [
        events.Started(text, text, 10),
        events.Retrying(text, text, text, 9.0),
        events.SourceFailed(text, text, text, text),
        events.Verifying(text, text, 10),
        events.Verified(text, text, 10, 5),
        events.Failed("x", text),
    ]
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, color_system=None, width=200)
    reporter = DownloadProgress(console)
    for event in told:
        reporter(event)
    printed = file.getvalue()
    assert steering not in printed.replace("\r\n", "\n")
    assert printed.count("\n") >= 5


def test_an_encoding_that_lacks_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    edge.guard_streams()
    import typer

    typer.echo("ñ\x1b")
    assert raw.getvalue() == b"\\xf1\\x1b\n"


def test_the_program_prints_through_it(tmp_path: Path) -> None:
    """The name of a file that is scanned, on a real pseudo-terminal."""
    name = "a\x1b[2J\u202eb.pth"
    (tmp_path / name).write_bytes(b"")
    reader, writer = os.openpty()
    code = "import sys; from restoration_models.cli.app import main; sys.argv[0] = 'models'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "scan", name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(edge.__file__).parents[2]), "NO_COLOR": "1"},
        stdout=writer,
        stderr=writer,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    os.close(writer)
    printed = os.read(reader, 10_000).decode()
    os.close(reader)
    assert done.returncode == 1
    assert r"a\x1b[2J\u202eb.pth" in printed
    assert harmless(printed.replace("\r\n", "\n"))


def test_no_command_goes_around_it() -> None:
    """rich consoles and the bare streams are for `render` and `edge` alone."""
    found = []
    for path in sorted(Path(cli.__file__).parent.glob("*.py")):
        if path.name in ("render.py", "edge.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", ""))
            if name in ("Console", "bare", "fdopen") or (
                isinstance(node, ast.Attribute) and node.attr == "buffer"
            ):
                found.append(f"{path.name}:{getattr(node, 'lineno', 0)}: {name}")
    assert found == []
