"""What ordinary checkpoints look like passes, and torch then loads it."""

from __future__ import annotations

import collections
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restoration_models.scan import (
    ALLOWED,
    Container,
    UnreadableCheckpoint,
    loadable_path,
    open_checkpoint,
    scan,
)
from support.hostile_parts import BENIGN, WEIGHTS, Entry, archive, legacy, members, torch_zip

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[3]
PLACES = ("layers/layer-2/uvdoc/best_model.pkl", ".dvc/tmp/test-checkpoints/*/best_model.pkl")
UVDOC = next((path for place in PLACES for path in ROOT.glob(place)), ROOT / "best_model.pkl")
"""The real file, where this clone has pulled it or an integration test has fetched it."""
COMMON = ("collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2")


def small() -> Any:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))


def shared() -> dict[str, Any]:
    whole = torch.arange(24.0)
    return {"whole": whole, "view": whole[4:12].view(2, 4).T, "same": whole, "one": whole[3]}


def every_dtype(names: str) -> dict[str, Any]:
    return {name: torch.ones(3, 2).to(getattr(torch, name)) for name in names.split()}


CONTENTS: dict[str, Callable[[], Any]] = {
    "state-dict": lambda: small().state_dict(),
    "wrapped": lambda: {"params": small().state_dict()},
    "wrapped-twice": lambda: {"params": small().state_dict(), "params_ema": small().state_dict()},
    "plain-dict": lambda: dict(small().state_dict()),
    "with-parameters": lambda: {"state_dict": small().state_dict(keep_vars=True)},
    "parameter-alone": lambda: torch.nn.Parameter(torch.ones(2)),
    "tensor-alone": lambda: torch.ones(2, 3),
    "dtypes": lambda: every_dtype(
        "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128"
    ),
    "empty-tensors": lambda: {
        "a": torch.empty(0),
        "b": torch.empty(0, 3),
        "c": torch.ones(2)[:0],
        "d": torch.empty(0, dtype=torch.int8),
    },
    "shared-storage": shared,
    "requires-grad": lambda: {"a": torch.ones(2, requires_grad=True)},
    "conjugate": lambda: {"a": torch.ones(2, dtype=torch.complex64).conj()},
    "scalars": lambda: {
        "epoch": 300,
        "big": 1 << 90,
        "negative": -7,
        "psnr": 40.02,
        "name": "Restormer ñ 文",
        "none": None,
        "ok": True,
    },
    "settings": lambda: {
        "opt": {"dim": 48, "blocks": [4, 6, 6, 8], "pair": (1, 2), "deep": [[[{}]]]},
        "size": torch.Size([1, 2]),
    },
    "device-and-dtype": lambda: {
        "device": torch.device("cuda", 0),
        "cpu": torch.device("cpu"),
        "dtype": torch.float32,
    },
    "storage": lambda: {"raw": torch.ones(3).untyped_storage()},
    "optimizer": lambda: torch.optim.Adam(small().parameters()).state_dict(),
    "empty-dict": dict,
    "empty-ordered": collections.OrderedDict,
    "long-name": lambda: {"x" * 5000: torch.ones(1)},
    "many": lambda: {f"block.{at}.weight": torch.ones(2, 2) for at in range(1200)},
}


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and left.shape == right.shape and bool((left == right).all())
    if isinstance(left, dict):
        return list(left) == list(right) and all(equal(left[key], right[key]) for key in left)
    if isinstance(right, torch.UntypedStorage):
        return isinstance(left, torch.storage.TypedStorage)
    return type(left) is type(right) and left == right


# torch.load does not read a storage without dtype from a legacy file.
BOTH = [(name, new) for name in CONTENTS for new in (True, False) if new or name != "storage"]


@pytest.mark.parametrize(
    ("name", "new"), BOTH, ids=lambda value: {True: "zip", False: "legacy"}.get(value, value)
)
def test_passes_and_loads(name: str, new: bool, tmp_path: Path) -> None:
    content = CONTENTS[name]()
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path, _use_new_zipfile_serialization=new)
    report = scan(path)
    assert report.container is (Container.TORCH_ZIP if new else Container.TORCH_LEGACY)
    assert report.size == path.stat().st_size
    assert set(report.globals) <= set(ALLOWED)
    with open_checkpoint(path) as file:
        loaded = torch.load(
            loadable_path(file) if new else file,
            weights_only=True,
            mmap=True if new else None,
            map_location="cpu",
        )
        assert equal(loaded, content)


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"])
def test_dtypes_without_a_storage_class(name: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"a": torch.ones(3, 2).to(getattr(torch, name))}, path)
    report = scan(path)
    assert f"torch.{name}" in report.globals
    assert "torch.storage.UntypedStorage" in report.globals
    assert torch.load(path, weights_only=True)["a"].dtype is getattr(torch, name)


def test_legacy_file_that_torch_cannot_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"a": torch.ones(3).to(torch.float8_e5m2)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(UnreadableCheckpoint, match="has no dtype"):
        scan(path)


def test_report_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"params": small().state_dict()}, path)
    report = scan(path)
    assert report.to_dict() == {
        "container": "torch-zip",
        "globals": sorted([*COMMON, "torch.LongStorage"]),
        "members": 6 + 7,
    }
    assert report.tensors == 7
    assert report == scan(path)


def test_report_of_legacy(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"params": small().state_dict()}, path, _use_new_zipfile_serialization=False)
    assert scan(path).to_dict() == {
        "container": "torch-legacy",
        "globals": sorted([*COMMON, "torch.LongStorage"]),
        "members": 5 + 7,
    }


@pytest.mark.skipif(not UVDOC.exists(), reason="this clone does not have the UVDoc checkpoint yet")
def test_real_uvdoc() -> None:
    report = scan(UVDOC)
    assert report.container is Container.TORCH_ZIP
    assert report.globals == tuple(sorted([*COMMON, "torch.LongStorage"]))
    # 304 tensors, and data.pkl and version, as the facts say.
    assert (report.members, report.tensors, report.size) == (306, 304, 32158393)
    assert len(torch.load(UVDOC, weights_only=True, mmap=True, map_location="cpu")["model_state"]) == 304


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_five_hundred_tensors_are_quick(new: bool, tmp_path: Path) -> None:
    """Takes about 0.03 s; the bound leaves room for a busy machine."""
    path = tmp_path / "checkpoint.pth"
    content = {"params": {f"encoder.{at}.attn.qkv.weight": torch.ones(8, 8) for at in range(500)}}
    torch.save(content, path, _use_new_zipfile_serialization=new)
    started = time.process_time()
    scan(path)
    assert time.process_time() - started < 0.5


def test_rewritten_by_another_zip_writer(tmp_path: Path) -> None:
    """Stored members under the same names are enough; torch's padding is not needed."""
    source, target = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save({"a": torch.ones(3)}, source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert scan(target).tensors == 1
    assert torch.load(target, weights_only=True)["a"].tolist() == [1, 1, 1]


def test_hand_written_files_load_in_torch(tmp_path: Path) -> None:
    """What the hostile files are made of is sound: without the harm they load."""
    for data in (torch_zip(), torch_zip(zip64="true"), legacy()):
        scan(io.BytesIO(data))
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(data)
        assert torch.load(path, weights_only=True)["weight"].tolist() == [1, 2, 3, 4]


def test_streamed_member_with_descriptor() -> None:
    import struct
    import zlib

    descriptor = struct.pack("<4s3L", b"PK\x07\x08", zlib.crc32(WEIGHTS), 16, 16)
    entries = members(BENIGN)
    entries[1] = Entry(
        "a/data/0", WEIGHTS, flags=8, local={"crc": 0, "size": 0, "packed": 0}, after=descriptor
    )
    assert scan(io.BytesIO(archive(*entries))).tensors == 1


def test_zip64_sizes_of_a_small_member() -> None:
    """How files above 4 GB say their sizes, at a size that a test can write."""
    import struct

    wide = struct.pack("<2H2Q", 1, 16, 16, 16)
    entries = members(BENIGN)
    lies = {"extra": wide, "size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}
    entries[1] = Entry("a/data/0", WEIGHTS, local=lies, central=lies)
    assert scan(io.BytesIO(archive(*entries, zip64="true"))).tensors == 1


def test_protocol_4_is_refused_as_torch_refuses_it(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"a": torch.ones(3)}, path, pickle_protocol=4)
    with pytest.raises(UnreadableCheckpoint, match=r"protocol 4.*save it again"):
        scan(path)


def test_python_2_ordered_dict() -> None:
    from support.hostile_parts import glob, number, proto, tensor, text

    pairs = b"](](" + text("weight") + tensor() + b"e](" + text("n") + number(3) + b"ee\x85R"
    data = torch_zip(proto(glob("collections", "OrderedDict") + pairs))
    assert scan(io.BytesIO(data)).tensors == 1
    assert list(torch.load(io.BytesIO(data), weights_only=True)) == ["weight", "n"]


def test_scripted_module_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "scripted.pt"
    with pytest.warns(FutureWarning):
        torch.jit.script(torch.nn.Conv2d(1, 1, 1)).save(path)
    with pytest.raises(UnreadableCheckpoint, match="TorchScript archive, which holds a program"):
        scan(path)


def test_whole_module_is_refused_by_its_class(tmp_path: Path) -> None:
    from restoration_models.scan import UnsafeCheckpoint

    path = tmp_path / "module.pth"
    torch.save(small(), path)
    with pytest.raises(UnsafeCheckpoint, match=r"imports torch\.nn\.modules\.container\.Sequential"):
        scan(path)
