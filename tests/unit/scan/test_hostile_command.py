"""`make hostile` says how many were refused and how many ran, and fails where a file passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hostile
from support.hostile import cases
from support.hostile_parts import BENIGN, Case, torch_zip

ROOT = Path(__file__).parents[3]


def test_all_are_refused_and_none_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/hostile.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(cases(hostile.CANARY))
    assert f"refused {count} of {count} (each under 4 names), executed 0; " in done.stdout
    assert done.stderr == ""


def test_a_file_that_passes_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = hostile.run([*cases(hostile.CANARY)[:3], Case("sound-one", torch_zip(BENIGN), "")])
    assert not hostile.show(kinds)
    printed = capsys.readouterr().out
    assert "refused 3 of 4" in printed
    assert "NOT REFUSED: sound-one" in printed


def test_a_payload_that_runs_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hostile, "scan", lambda path: hostile.CANARY.mkdir(exist_ok=True))
    assert not hostile.show(hostile.run(cases(hostile.CANARY)[:2]))
    assert "executed 2" in capsys.readouterr().out


def test_make_knows_it() -> None:
    assert "hostile:" in (ROOT / "Makefile").read_text(encoding="utf-8")
