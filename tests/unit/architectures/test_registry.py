"""Every architecture is recognised by its keys and loads strictly, whatever its size."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from restoration_models import architectures
from restoration_models.errors import ModelProblem, UsageProblem
from support.checkpoints import ARCHITECTURES, network

if TYPE_CHECKING:
    from support.checkpoints import Family

VARIANTS: list[tuple[Family, dict[str, Any], int, int, int]] = [
    ("restormer", {}, 3, 3, 8),
    ("restormer", {"LayerNorm_type": "BiasFree"}, 3, 3, 8),
    ("restormer", {"LayerNorm_type": "BiasFree", "inp_channels": 1, "out_channels": 1}, 1, 1, 8),
    ("restormer", {"inp_channels": 6, "dual_pixel_task": True}, 6, 3, 8),
    ("restormer", {"num_blocks": [2, 1, 3, 1], "num_refinement_blocks": 3, "dim": 16, "bias": True}, 3, 3, 8),
    ("nafnet", {}, 3, 3, 1),
    ("nafnet", {"enc_blk_nums": [1, 1, 1, 5], "dec_blk_nums": [1, 1, 1, 1], "middle_blk_num": 1}, 3, 3, 1),
    ("nafnet", {"img_channel": 1, "width": 10, "enc_blk_nums": [2], "dec_blk_nums": [3]}, 1, 1, 1),
    ("uvdoc", {}, 3, 3, 1),
    ("uvdoc", {"in_channels": 1, "kernel": 5}, 1, 1, 1),
    ("uvdoc", {"widths": (8, 8, 8), "blocks": (2, 1, 1)}, 3, 3, 1),
]


def _name(value: object) -> str | None:
    return ",".join(f"{k}={v}" for k, v in value.items()) or "small" if isinstance(value, dict) else None


@pytest.mark.parametrize(("family", "changes", "inputs", "outputs", "multiple"), VARIANTS, ids=_name)
def test_sizes_are_read_off_the_tensors(
    family: Family, changes: dict[str, Any], inputs: int, outputs: int, multiple: int
) -> None:
    """A loaded network is the saved one: same sizes, same output."""
    original = network(family, seed=3, **changes)
    state = original.state_dict()
    assert architectures.recognise(state) == ARCHITECTURES[family]
    loaded = architectures.load(state, expected=ARCHITECTURES[family])
    assert (loaded.input_channels, loaded.output_channels) == (inputs, outputs)
    assert (loaded.scale, loaded.size_requirements.multiple_of) == (1, multiple)
    assert {k: v.shape for k, v in loaded.model.state_dict().items()} == {
        k: v.shape for k, v in state.items()
    }
    assert not loaded.model.training
    image = torch.rand(1, inputs, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted, found = original(image), loaded.model(image)
    for left, right in zip(_tensors(wanted), _tensors(found), strict=True):
        assert torch.equal(left, right)


def _tensors(output: Any) -> tuple[torch.Tensor, ...]:
    return output if isinstance(output, tuple) else (output,)


@pytest.mark.parametrize("family", ["restormer", "nafnet", "uvdoc"])
def test_one_call_for_all(family: Family) -> None:
    """Any size goes in and the same size comes out, within 0..1."""
    loaded = architectures.load(network(family).state_dict())
    image = torch.rand(1, 3, 37, 53, generator=torch.Generator().manual_seed(2))
    output = loaded(image)
    assert output.shape == image.shape
    assert 0 <= output.min() <= output.max() <= 1


def test_parallel_prefix_is_taken_off() -> None:
    """Weights saved from parallel training load as the others do."""
    state = {f"module.{key}": value for key, value in network("nafnet").state_dict().items()}
    assert architectures.split_prefix(state)[0] == "module."
    assert architectures.load(state).input_channels == 3


def test_wrong_architecture_names_both() -> None:
    with pytest.raises(architectures.WrongArchitecture) as caught:
        architectures.load(network("nafnet").state_dict(), expected="Restormer")
    assert str(caught.value) == (
        "the weights are of architecture NAFNet, the catalogue declares Restormer; "
        "correct the entry's architecture to NAFNet, or its sources"
    )
    assert isinstance(caught.value, ModelProblem)


def test_unknown_architecture_quotes_keys() -> None:
    with pytest.raises(architectures.UnknownArchitecture) as caught:
        architectures.recognise({f"fc{n}.weight": torch.zeros(1) for n in range(5)})
    assert str(caught.value) == (
        "no known architecture has these 5 keys (fc0.weight, fc1.weight, fc2.weight and 2 more); "
        "declare 'architecture: unregistered' to prove all but the network, or register it"
    )


@pytest.mark.parametrize("family", ["restormer", "nafnet", "uvdoc"])
def test_load_is_strict(family: Family) -> None:
    """A tensor too few, one too many and one of another shape are each named."""
    state = dict(network(family).state_dict())
    last = [key for key in state if key.endswith(".weight") and state[key].ndim == 4][-2]
    bent = [key for key in state if key.endswith(".weight") and state[key].ndim == 4 and key != last][-2]
    before = tuple(state[bent].shape)
    del state[last]
    state["stray.weight"] = torch.zeros(1)
    state[bent] = torch.zeros(7, 7, 1, 1)
    with pytest.raises(architectures.MismatchedTensors) as caught:
        architectures.load(state)
    wanted = ", ".join(map(str, before))
    assert str(caught.value) == (
        f"a strict load into {ARCHITECTURES[family]} fails: 1 missing ({last}), 1 unexpected (stray.weight), "
        f"1 of another shape ({bent} is (7, 7, 1, 1) for ({wanted})); "
        "the file is incomplete or a variant that this architecture does not cover"
    )


def test_sizes_that_cannot_be_read_are_a_mismatch() -> None:
    state = dict(network("uvdoc").state_dict())
    state["resnet_head.0.weight"] = torch.zeros(4)
    with pytest.raises(architectures.MismatchedTensors, match="its size cannot be read off the tensors"):
        architectures.load(state)


def test_registry_leaves_spandrels_own_alone() -> None:
    """Asking twice gives the same registry, and other users of spandrel see no difference."""
    from spandrel import MAIN_REGISTRY

    before = len(MAIN_REGISTRY)
    assert architectures.registry() is architectures.registry()
    assert {"UVDoc", "Restormer", "NAFNet", "SCUNet"} <= set(architectures.supported())
    assert len(MAIN_REGISTRY) == before
    assert "UVDoc" not in MAIN_REGISTRY


def test_without_torch_the_package_imports_and_says_what_to_install() -> None:
    """The catalogue and the cards import this package where the extra is not installed."""
    program = """
import sys
for name in ("torch", "numpy", "spandrel", "safetensors"):
    sys.modules[name] = None
from restoration_models import architectures, report, fingerprint, checkpoint, validate
assert "torchvision" not in sys.modules
try:
    architectures.registry()
except architectures.TorchMissing as error:
    print(error.status, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_environment()
    )
    remedy = "install the extra that validates and loads models: pip install '.[torch]'"
    assert done.stdout == f"2 torch is not installed; {remedy}\n"


def test_old_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    architectures.require_torch()
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(UsageProblem, match=r"torch 2\.9\.1\+cpu is installed, 2\.10 or newer is needed"):
        architectures.require_torch()


def test_random_start_is_skipped_only_while_loading() -> None:
    """Networks built for training elsewhere in the process still start at random."""
    architectures.load(network("nafnet").state_dict())
    assert torch.nn.Linear(8, 8).weight.std() > 0


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
