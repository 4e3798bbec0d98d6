"""The edge of the program: one line on stderr and an exit status, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restoration_models.cli import edge
from restoration_models.errors import ModelProblem, Problem, ProblemsFound, UsageProblem, WorldFailure


def raising(error: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ModelProblem("a", where="b", remedy="c"), 1, "b: a; c\n"),
        (UsageProblem("a"), 2, "a\n"),
        (WorldFailure("a"), 3, "a\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 3, "/x/y: No space left on device\n"),
        (OSError("odd"), 3, "odd\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            ZeroDivisionError("by zero"),
            70,
            (
                "unexpected ZeroDivisionError: by zero; this is a defect of models: "
                "please report it with what `models --traceback …` prints\n"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_line_and_a_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, line: str
) -> None:
    assert edge.guard(raising(error), with_traceback=False) == status
    assert capsys.readouterr() == ("", line)


def test_problems_come_before_their_count(capsys: pytest.CaptureFixture[str]) -> None:
    found = ProblemsFound([Problem("b", 2, "k", "y"), Problem("a", 1, "", "x")])
    assert edge.guard(raising(found), with_traceback=False) == 1
    assert capsys.readouterr().err == "a:1: x\nb:2: k: y\n2 problems found\n"


def test_nothing_is_said_of_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.guard(lambda: None, with_traceback=True) == 0
    assert capsys.readouterr() == ("", "")


def test_the_traceback_is_printed_only_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    edge.guard(raising(ModelProblem("a")), with_traceback=False)
    assert "Traceback" not in capsys.readouterr().err
    edge.guard(raising(ModelProblem("a")), with_traceback=True)
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):\n")
    assert printed.endswith("\na\n")


def test_usage_exits_pass_through() -> None:
    """Typer leaves by SystemExit with the status of its own."""
    with pytest.raises(SystemExit) as caught:
        edge.guard(raising(SystemExit(2)), with_traceback=False)
    assert caught.value.code == 2


def test_control_characters_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    edge.say("a\x1b[2J\x07b\nc\u202ed\u2028e\udc80f\tñ 中")
    assert capsys.readouterr().err == "a\\x1b[2J\\x07b c\\u202ed\\u2028e\\udc80f\\tñ 中\n"


def in_a_process(code: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(edge.__file__).parents[2]), **changes}
    command = [sys.executable, "-c", f"import sys\nfrom restoration_models.cli import edge\n{code}"]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)


def test_a_terminal_that_knows_no_spanish() -> None:
    done = in_a_process("edge.say('ñ')", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr.strip()) == (0, b"\\xf1")


def test_red_on_a_terminal_only_and_not_where_unwanted() -> None:
    """On a real pseudo-terminal."""
    for variables, expected in [({}, b"\x1b[31ma\x1b[0m\r\n"), ({"NO_COLOR": "1"}, b"a\r\n")]:
        reader, writer = os.openpty()
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | variables
        environment["PYTHONPATH"] = str(Path(edge.__file__).parents[2])
        code = "from restoration_models.cli import edge; edge.say('a', red=True)"
        subprocess.run([sys.executable, "-c", code], env=environment, stderr=writer, check=True, timeout=60)
        os.close(writer)
        assert os.read(reader, 100) == expected
        os.close(reader)


def test_a_reader_that_leaves_is_no_failure() -> None:
    """``models list | head -1``: no message, the status that a shell expects."""
    code = (
        "def call():\n    for _ in range(100000): print('x' * 80)\n"
        "sys.exit(edge.guard(call, with_traceback=False))"
    )
    command = [sys.executable, "-c", f"import sys\nfrom restoration_models.cli import edge\n{code}"]
    environment = {**os.environ, "PYTHONPATH": str(Path(edge.__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr.read() == b""


def test_a_terminal_that_hung_up_does_not_keep_things_from_being_put_in_order(tmp_path: Path) -> None:
    code = """
edge.heed_signals()
def call():
    try:
        print("begun", flush=True)
        sys.stdin.read()
    finally:
        print("a terminal's own way back", flush=True)
        open(sys.argv[1], "w").write("in order")
sys.exit(edge.guard(call, with_traceback=False))
"""
    outer, inner = os.openpty()
    order = tmp_path / "order"
    command = [
        sys.executable,
        "-c",
        f"import sys\nfrom restoration_models.cli import edge\n{code}",
        str(order),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(edge.__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=inner, stderr=inner, start_new_session=True
    ) as process:
        assert os.read(outer, 5) == b"begun"
        os.close(inner)
        os.close(outer)
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert order.read_text() == "in order"


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """As `nohup` has it."""
    done = in_a_process(
        "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nedge.heed_signals()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\nprint('on')"
    )
    assert (done.returncode, done.stdout) == (0, b"on\n")
