"""A checkpoint passes with everything proved, or fails with one clear line."""

from __future__ import annotations

import argparse
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch

from restoration_models import architectures, scan
from restoration_models import checkpoint as checkpoints
from restoration_models.errors import RestorationModelsError
from restoration_models.report import Report
from restoration_models.validate import (
    BadOutput,
    GainTooLow,
    NotFinite,
    WrongChannels,
    WrongCount,
    WrongTaskChannels,
    validate,
)
from support.checkpoints import ARCHITECTURES, WRAPPER_KEYS, entry, network, save, small

if TYPE_CHECKING:
    from pathlib import Path

    from support.checkpoints import Container, Family

TASKS: dict[str, str] = {
    "restormer": "deraining",
    "nafnet": "motion-deblurring",
    "uvdoc": "document-unwarping",
}
BARE: dict[str, Any] = {"wrapper_key": None}
UNREGISTERED: dict[str, Any] = {"architecture": "unregistered", "wrapper_key": None}


@pytest.mark.parametrize("container", ["torch-zip", "torch-legacy", "safetensors"])
@pytest.mark.parametrize("family", ["restormer", "nafnet", "uvdoc"])
def test_everything_is_proved(tmp_path: Path, family: Family, container: Container) -> None:
    """Each family in each container; the same weights have one fingerprint and the same figures."""
    wrapped = container != "safetensors"
    path = small(family, tmp_path / "model.pth", container=container, wrapped=wrapped)
    state = network(family).state_dict()
    model = entry(family, path, TASKS[family], expects={} if wrapped else BARE)
    outcome = validate(model, path, protocol=4)
    report = outcome.report
    assert (report.model, report.protocol, report.task) == (f"{family}-demo", 4, TASKS[family])
    assert (report.size, report.sha256, report.md5) == (model.size, model.sha256, model.md5)
    assert report.scan.container == container
    assert report.wrapper_key == (WRAPPER_KEYS[family] if wrapped else None)
    assert report.architecture == ARCHITECTURES[family]
    assert all(report.verified.model_dump().values())
    assert report.tensors == len(state)
    assert report.parameters == sum(parameter.numel() for parameter in network(family).parameters())
    assert (report.input_channels, report.output_channels, report.scale) == (3, 3, 1)
    assert report.size_multiple == (8 if family == "restormer" else 1)
    assert report.fingerprint == fingerprint_of(state)
    assert report.measured is not None
    assert report.measured.gain_db == round(report.measured.psnr_after - report.measured.psnr_before, 2)
    assert (report.measured.grid_error_after is not None) == (family == "uvdoc")
    assert outcome.picture.startswith(b"\x89PNG")


def fingerprint_of(state: dict[str, torch.Tensor]) -> str:
    from restoration_models.fingerprint import fingerprint

    return fingerprint(state)


def test_writing_leaves_both_files(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "model.pth")
    outcome = validate(entry("nafnet", path, "denoising-real"), path, protocol=1)
    outcome.write(report=tmp_path / "reports" / "n.json", picture=tmp_path / "n" / "sample.png")
    assert Report.read(tmp_path / "reports" / "n.json") == outcome.report
    assert (tmp_path / "n" / "sample.png").read_bytes() == outcome.picture
    assert validate(entry("nafnet", path, "denoising-real"), path, protocol=1) == outcome


def test_grey(tmp_path: Path) -> None:
    """A one-channel network gets the grey page."""
    path = small("restormer", tmp_path / "g.pth", inp_channels=1, out_channels=1, LayerNorm_type="BiasFree")
    model = entry("restormer", path, "denoising-gaussian-gray", expects={"input_channels": 1})
    report = validate(model, path, protocol=1).report
    assert (report.input_channels, report.output_channels) == (1, 1)
    assert report.measured is not None


def test_dual_pixel_runs_but_is_not_measured(tmp_path: Path) -> None:
    path = small("restormer", tmp_path / "d.pth", inp_channels=6, dual_pixel_task=True)
    model = entry("restormer", path, "defocus-deblurring-dual-pixel", expects={"input_channels": 6})
    report = validate(model, path, protocol=1).report
    assert all(report.verified.model_dump().values())
    assert report.measured is None
    assert report.not_measured is not None
    assert "two views" in report.not_measured


def test_unregistered_proves_all_but_the_network(tmp_path: Path) -> None:
    """A team's own network: its bytes and tensors are proved, the report says what was not."""
    path = save({"fc.weight": torch.ones(2, 2)}, tmp_path / "own.pth")
    model = entry("nafnet", path, "document-unwarping", expects=UNREGISTERED)
    outcome = validate(model, path, protocol=1)
    assert outcome.report.architecture == "unregistered"
    assert outcome.report.verified.model_dump() == {
        "digests": True, "scan": True, "finite": True, "architecture": False, "forward": False,
    }  # fmt: skip
    assert outcome.report.parameters is None
    assert outcome.report.not_measured == (
        "the architecture is unregistered: no network was built, no forward pass was made"
    )
    assert outcome.picture.startswith(b"\x89PNG")


def test_parallel_prefix_is_reported(tmp_path: Path) -> None:
    state = {f"module.{key}": value for key, value in network("nafnet").state_dict().items()}
    path = save(state, tmp_path / "p.pth", wrapper_key="params")
    report = validate(entry("nafnet", path, "denoising-real"), path, protocol=1).report
    assert report.key_prefix == "module."


def test_reviewed_globals_are_let_through(tmp_path: Path) -> None:
    """Settings saved beside the weights load once the entry allows their class."""
    path = tmp_path / "settings.pth"
    torch.save({"params": network("nafnet").state_dict(), "args": argparse.Namespace(lr=1)}, path)
    refuse(scan.UnsafeCheckpoint, entry("nafnet", path, "denoising-real"), path)
    allowing = {"allow_globals": ["argparse.Namespace"]}
    report = validate(entry("nafnet", path, "denoising-real", expects=allowing), path, protocol=1).report
    assert "argparse.Namespace" in report.scan.globals


ODD: dict[str, torch.Tensor] = {
    "huge": torch.full((9,), 1e308, dtype=torch.float64),
    "half": torch.full((9,), 65504.0, dtype=torch.float16),
    "brain": torch.ones(3, dtype=torch.bfloat16),
    "eighth": torch.ones(3).to(torch.float8_e5m2),
    "complex": torch.ones(3, dtype=torch.complex64),
    "counter": torch.tensor(7),
    "empty": torch.ones(0),
}


def test_large_finite_values_are_finite(tmp_path: Path) -> None:
    """Values whose sum overflows are no fault."""
    path = save(ODD, tmp_path / "odd.pth")
    report = validate(entry("nafnet", path, "deraining", expects=UNREGISTERED), path, protocol=1).report
    assert report.dtypes == {
        "bfloat16": 1, "complex64": 1, "float16": 1, "float32": 1, "float64": 1, "float8_e5m2": 1, "int64": 1,
    }  # fmt: skip


def refuse(kind: type[RestorationModelsError], model: Any, path: Path) -> str:
    """Validate, expect exactly this refusal, and return its line."""
    with pytest.raises(RestorationModelsError) as caught:
        validate(model, path, protocol=1)
    assert type(caught.value) is kind
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", ["huge", "half", "brain", "eighth", "complex"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_not_finite_names_the_tensor(tmp_path: Path, name: str, value: float) -> None:
    bad = ODD[name].clone().to(torch.complex64 if name == "complex" else torch.float32)
    bad[1] = value
    path = save({**ODD, name: bad.to(ODD[name].dtype), "zz": torch.tensor(value)}, tmp_path / "bad.pth")
    line = refuse(NotFinite, entry("nafnet", path, "deraining", expects=UNREGISTERED), path)
    assert line == (
        f"nafnet-demo: NaN or infinite values in {name} and 1 more; "
        "the training diverged or the file was damaged: use an earlier checkpoint"
    )


def test_missing_file(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    model = entry("nafnet", path, "deraining")
    path.unlink()
    line = refuse(checkpoints.CheckpointMissing, model, path)
    assert line == f"{path}: there is no checkpoint; bring it with 'dvc pull' or 'models download'"


def test_wrong_size_says_which_way(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    model = entry("nafnet", path, "deraining")
    whole = path.read_bytes()
    size = len(whole)
    path.write_bytes(whole[:-1])
    assert refuse(checkpoints.WrongSize, model, path) == (
        f"{path}: the file has {size - 1} bytes, the catalogue declares {size}: it is incomplete; "
        "download it again, or correct the entry"
    )
    path.write_bytes(whole + b"x")
    assert "it is another file" in refuse(checkpoints.WrongSize, model, path)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_wrong_digest_is_told_before_the_scan(tmp_path: Path, algorithm: str) -> None:
    """Bytes of the right length that are another file, here a malicious one."""
    path = evil(tmp_path / "m.pth", tmp_path / "ran")
    model = entry("nafnet", path, "deraining")
    found = getattr(model, algorithm)
    wanted = "0" * len(found)
    model = model.model_copy(update={algorithm: wanted})
    assert refuse(checkpoints.WrongDigest, model, path) == (
        f"{path}: the file's {algorithm} is {found}, the catalogue declares {wanted}: it is another file; "
        "download it again, or correct the entry"
    )


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.proof}",)


def evil(path: Path, proof: Path, *, legacy: bool = False) -> Path:
    content = {"params": network("nafnet").state_dict(), "note": Evil(proof)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_malicious_pickle_never_runs(tmp_path: Path, legacy: bool) -> None:
    path = evil(tmp_path / "m.pth", tmp_path / "ran", legacy=legacy)
    line = refuse(scan.UnsafeCheckpoint, entry("nafnet", path, "deraining"), path)
    assert line.startswith(f"{path}: ")
    assert "posix.system" in line
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("container", ["torch-zip", "torch-legacy", "safetensors"])
def test_truncated_file_with_its_own_digest(tmp_path: Path, container: Container) -> None:
    """Someone catalogued a broken download."""
    path = small("nafnet", tmp_path / "m.pth", container=container)
    path.write_bytes(path.read_bytes()[:-2000])
    refuse(scan.UnreadableCheckpoint, entry("nafnet", path, "deraining"), path)


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>", b"", pickle.dumps([1]), b"\x00" * 4096])
def test_other_containers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pth"
    path.write_bytes(content or b"-")
    refuse(scan.UnreadableCheckpoint, entry("nafnet", path, "deraining"), path)


def test_wrong_wrapper_key(tmp_path: Path) -> None:
    path = small("uvdoc", tmp_path / "m.pkl")
    model = entry("uvdoc", path, "document-unwarping", expects={"wrapper_key": "params"})
    assert refuse(checkpoints.WrongWrapperKey, model, path) == (
        "uvdoc-demo: the catalogue declares wrapper-key 'params', the file has the keys 'model_state'; "
        "set the entry's wrapper-key to the one that holds the state dict"
    )


def test_wrong_architecture(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    model = entry("nafnet", path, "deraining", expects={"architecture": "Restormer"})
    assert refuse(architectures.WrongArchitecture, model, path) == (
        "nafnet-demo: the weights are of architecture NAFNet, the catalogue declares Restormer; "
        "correct the entry's architecture to NAFNet, or its sources"
    )


def test_unknown_architecture(tmp_path: Path) -> None:
    path = save({"fc.weight": torch.ones(2)}, tmp_path / "m.pth", wrapper_key="params")
    line = refuse(architectures.UnknownArchitecture, entry("nafnet", path, "deraining"), path)
    assert line.startswith("nafnet-demo: no known architecture has these 1 keys (fc.weight); ")


def test_mismatched_tensors(tmp_path: Path) -> None:
    state = dict(network("nafnet").state_dict())
    del state["ending.bias"]
    path = save(state, tmp_path / "m.pth", wrapper_key="params")
    assert refuse(architectures.MismatchedTensors, entry("nafnet", path, "deraining"), path) == (
        "nafnet-demo: a strict load into NAFNet fails: 1 missing (ending.bias); "
        "the file is incomplete or a variant that this architecture does not cover"
    )


def test_wrong_channels(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    model = entry("nafnet", path, "deraining", expects={"input_channels": 1})
    assert refuse(WrongChannels, model, path) == (
        "nafnet-demo: the network takes 3 input channels, the catalogue declares 1; "
        "correct the entry's input-channels, or its sources"
    )


def test_wrong_task(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth", img_channel=1)
    assert refuse(WrongTaskChannels, entry("nafnet", path, "deraining"), path) == (
        "nafnet-demo: the network takes 1 channels, the page of deraining has 3; correct the task"
    )


@pytest.mark.parametrize("what", ["parameters", "tensors"])
def test_wrong_count(tmp_path: Path, what: str) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    model = entry("nafnet", path, "deraining", **{what: 5})
    state = network("nafnet").state_dict()
    found = len(state) if what == "tensors" else sum(tensor.numel() for tensor in state.values())
    assert refuse(WrongCount, model, path) == (
        f"nafnet-demo: the checkpoint has {found} {what}, the catalogue declares 5; "
        f"correct the entry's {what}, or its sources"
    )


def test_output_beyond_all_bounds(tmp_path: Path) -> None:
    """Finite weights whose output is not: clamping must not hide it."""
    state = network("nafnet").state_dict()
    state["intro.bias"] = torch.full((6,), 100.0)
    state["ending.weight"] = torch.full((3, 6, 3, 3), 3e38)
    path = save(state, tmp_path / "m.pth", wrapper_key="params")
    assert refuse(BadOutput, entry("nafnet", path, "deraining"), path) == (
        "nafnet-demo: the forward pass over the test page gives NaN or infinite values; "
        "the weights are damaged, or the network is not what the catalogue declares"
    )


def test_a_network_that_cannot_run(tmp_path: Path) -> None:
    """Tensors that fit together one by one and not as a whole."""
    with_even_kernel = network("uvdoc", kernel=4).state_dict()
    path = save(with_even_kernel, tmp_path / "m.pkl", wrapper_key="model_state")
    line = refuse(BadOutput, entry("uvdoc", path, "document-unwarping"), path)
    assert line.startswith("uvdoc-demo: the forward pass over the test page gives an error (")


def test_gain_gate(tmp_path: Path) -> None:
    """The gate is there only where the entry sets it, and it is the rounded gain that counts."""
    path = small("nafnet", tmp_path / "m.pth")
    measured = validate(entry("nafnet", path, "deraining"), path, protocol=1).report.measured
    assert measured is not None
    gain = measured.gain_db
    validate(entry("nafnet", path, "deraining", expects={"min_gain_db": gain}), path, protocol=1)
    above = round(gain + 0.01, 2)
    model = entry("nafnet", path, "deraining", expects={"min_gain_db": above})
    assert refuse(GainTooLow, model, path) == (
        f"nafnet-demo: the model gains {gain:.2f} dB on the test page, min-gain-db demands {above:.2f}; "
        "use better weights, or demand less with min-gain-db"
    )


def test_what_was_scanned_is_what_is_loaded(tmp_path: Path) -> None:
    """Another file put under the name between scan and load is not looked at, and told."""
    path = small("nafnet", tmp_path / "m.pth")
    other = evil(tmp_path / "other.pth", tmp_path / "ran")
    with pytest.raises(scan.CheckpointChanged), checkpoints.opened(path) as checkpoint:
        scanned = checkpoint.scan()
        other.replace(path)
        checkpoint.load(scanned)
    assert not (tmp_path / "ran").exists()


def test_a_file_written_to_meanwhile_is_told(tmp_path: Path) -> None:
    path = small("nafnet", tmp_path / "m.pth")
    with pytest.raises(scan.CheckpointChanged) as caught, checkpoints.opened(path):
        path.write_bytes(path.read_bytes() + b"x")
    assert str(caught.value).startswith(f"{path}: changed while it was being read; ")


def test_named_pipe_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    os.mkfifo(path)
    with pytest.raises(RestorationModelsError, match="is not a regular file"), checkpoints.opened(path):
        pass
