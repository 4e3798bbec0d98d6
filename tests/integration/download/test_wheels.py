"""The pypi kind, with the real pip against a folder of wheels made here."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from restoration_models.download import DownloadFailed, Stopped, WrongBytes, fetch
from restoration_models.download.events import SourceFailed
from support.downloads import Remembering, content, leave_partial, names, places, request, sha256

DATA = content(200_000)
MEMBER = "tiny_weights/models/best.pkl"
ADDRESS = f"pypi:tiny-weights==1.0/{MEMBER}"


def make_wheel(folder: Path, requires_python: str = ">=3.8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tiny_weights/__init__.py", "raise RuntimeError('nothing of a package runs')\n")
        wheel.writestr(MEMBER, DATA)
        wheel.writestr("tiny_weights/models/best.pkl.txt", "another member")
        base = "tiny_weights-1.0.dist-info/"
        wheel.writestr(
            base + "METADATA",
            f"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Python: {requires_python}\n"
            "Requires-Dist: does-not-exist-anywhere\n",
        )
        wheel.writestr(
            base + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(base + "RECORD", "")
    return path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """pip finds the folder of wheels and nothing else, whatever this machine's settings are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_NO_CACHE_DIR": "1",
    }


def test_member_is_read_and_proved(tmp_path: Path, environ: dict[str, str]) -> None:
    wheel = make_wheel(tmp_path / "wheels")
    at = places(tmp_path, environ=environ)
    got = fetch(request(DATA, ADDRESS, folder=tmp_path), at)
    assert got.path.read_bytes() == DATA
    assert (got.sha256, got.origin, got.bytes_fetched) == (sha256(DATA), ADDRESS, wheel.stat().st_size)
    assert names(at.inbox) == []


def test_package_for_another_python(tmp_path: Path, environ: dict[str, str]) -> None:
    """The package is not installed, so it does not matter which Python it wants."""
    make_wheel(tmp_path / "wheels", requires_python="<3")
    assert fetch(request(DATA, ADDRESS), places(tmp_path, environ=environ)).size == len(DATA)


def test_completes_what_another_source_left(tmp_path: Path, environ: dict[str, str]) -> None:
    make_wheel(tmp_path / "wheels")
    at, wanted = places(tmp_path, environ=environ), request(DATA, ADDRESS)
    leave_partial(at, wanted, DATA, (0, 1000), (50_000, 120_000))
    leftover = at.inbox / f"{wanted.sha256}.wheel-killed"
    leftover.mkdir()
    got = fetch(wanted, at)
    assert got.resumed == 71_000
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("pypi:tiny-weights==2.0/" + MEMBER, "the package index has no wheel of tiny-weights==2.0"),
        (
            "pypi:no-such-package==1.0/x",
            "the package index has no wheel of no-such-package, or cannot be reached",
        ),
        ("pypi:tiny-weights==1.0/best.pkl", "the wheel has no member best.pkl"),
    ],
)
def test_refused(tmp_path: Path, environ: dict[str, str], address: str, sentence: str) -> None:
    make_wheel(tmp_path / "wheels")
    heard = Remembering()
    with pytest.raises(DownloadFailed):
        fetch(request(DATA, address), places(tmp_path, environ=environ), heard)
    assert [event.reason for event in heard.of(SourceFailed)] == [sentence]


def test_other_size(tmp_path: Path, environ: dict[str, str]) -> None:
    make_wheel(tmp_path / "wheels")
    with pytest.raises(
        WrongBytes, match="the wheel's member has 200,000 bytes where the catalogue declares 9"
    ):
        fetch(request(b"other one", ADDRESS), places(tmp_path, environ=environ))


def test_damaged_wheel(tmp_path: Path, environ: dict[str, str]) -> None:
    path = make_wheel(tmp_path / "wheels")
    whole = path.read_bytes()
    path.write_bytes(whole[:50_000] + bytes(100) + whole[50_100:])
    with pytest.raises(DownloadFailed, match=r"the wheel is damaged|pip could not download it"):
        fetch(request(DATA, ADDRESS), places(tmp_path, environ=environ))


def test_index_address_stays_out_of_messages(tmp_path: Path, environ: dict[str, str]) -> None:
    """Whatever pip says about the index, with its credentials, nobody reads it here."""
    del environ["PIP_NO_INDEX"]
    secret = {"PIP_INDEX_URL": "http://user:hunter2@127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    heard = Remembering()
    with pytest.raises(DownloadFailed) as caught:
        fetch(request(DATA, ADDRESS), places(tmp_path, environ={**environ, **secret}), heard)
    told = str(caught.value) + repr(heard.events)
    assert "hunter2" not in told
    assert "127.0.0.1" not in told
    assert "the package index could not be reached" in told


def test_stop_ends_pip(tmp_path: Path, environ: dict[str, str]) -> None:
    make_wheel(tmp_path / "wheels")
    stop = threading.Event()
    stop.set()
    at = places(tmp_path, environ=environ)
    with pytest.raises(Stopped):
        fetch(request(DATA, ADDRESS), at, stop=stop)
    assert names(at.inbox) == []


def test_python_without_pip(tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text(
        f"#!/bin/sh\nshift 3\nexec {sys.executable} -I -S -c \"import runpy; runpy.run_module('pip')\"\n"
    )
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(
        DownloadFailed, match=r"pip is not installed beside this Python|pip could not download"
    ):
        fetch(request(DATA, ADDRESS), places(tmp_path, environ=environ))
