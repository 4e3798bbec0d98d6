"""Reports read back as written, the same bytes every time, and nothing else reads as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from restoration_models.files import NoSpace
from restoration_models.report import Measured, Report, Scan, UnreadableReport, Verified
from restoration_models.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = Measured(psnr_before=20.5, psnr_after=24.25, gain_db=3.75, ssim_before=0.5, ssim_after=0.75)


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "model": "nafnet-demo",
        "protocol": 1,
        "task": Task.DENOISING_REAL,
        "file": "demo.pth",
        "size": 1234,
        "sha256": "a" * 64,
        "md5": "b" * 32,
        "scan": Scan(container="torch-zip", globals=("collections.OrderedDict",), members=4),
        "wrapper_key": "params",
        "architecture": "NAFNet",
        "verified": Verified(digests=True, scan=True, finite=True, architecture=True, forward=True),
        "tensors": 3,
        "dtypes": {"float32": 3},
        "parameters": 99,
        "input_channels": 3,
        "output_channels": 3,
        "scale": 1,
        "size_multiple": 1,
        "fingerprint": "c" * 64,
        "measured": MEASURED,
    }
    return Report(**{**values, **changes})


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "demo.json"
    report().write(path)
    assert Report.read(path) == report()
    assert [child.name for child in path.parent.iterdir()] == ["demo.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_text_is_sorted_kebab_case_and_without_absent_facts() -> None:
    text = report(wrapper_key=None).to_json()
    content = json.loads(text)
    assert text == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert content["schema"] == 1
    assert content["size-multiple"] == 1
    assert content["measured"] == {
        "psnr-before": 20.5,
        "psnr-after": 24.25,
        "gain-db": 3.75,
        "ssim-before": 0.5,
        "ssim-after": 0.75,
    }
    assert not {"wrapper-key", "not-measured", "key-prefix"} & content.keys()


def test_overwriting_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the former report and no debris."""
    path = tmp_path / "demo.json"
    report().write(path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NoSpace, match="disk is full"):
        report(protocol=2).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "Input should be an object"),
        ("{}", "model: Field required"),
        (report().to_json().replace('"size": 1234', '"size": "x"'), "size: Input should be a valid integer"),
        (report().to_json().replace('"model"', '"modle"'), "model: Field required"),
        (report().to_json().replace('"schema": 1', '"schema": 2'), "its schema is 2, this program reads 1"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "demo.json"
    path.write_text(content)
    with pytest.raises(UnreadableReport) as caught:
        Report.read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: not a validation report ({reason}")
    assert text.endswith("; restore it with git checkout, or validate the model again")
    assert "\n" not in text


def test_figures_or_a_reason() -> None:
    assert report(measured=None, not_measured="two views are needed").measured is None
    with pytest.raises(ValidationError, match="either 'measured' or 'not-measured'"):
        report(measured=None)
    with pytest.raises(ValidationError, match="either 'measured' or 'not-measured'"):
        report(not_measured="both")


def test_no_infinite_figures() -> None:
    """JSON has no infinity, and other programs read the report."""
    with pytest.raises(ValidationError):
        Measured(psnr_before=float("inf"), psnr_after=1, gain_db=1, ssim_before=1, ssim_after=1)
