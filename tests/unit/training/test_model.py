"""What a loaded model does, over small networks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from restoration_models import architectures
from restoration_models.checkpoint import opened, unwrap
from restoration_models.training import DeviceMissing, LoadedModel, Wanted, param_groups
from support.checkpoints import ARCHITECTURES, SMALL, WRAPPER_KEYS, network
from support.layers import digest

if TYPE_CHECKING:
    from support.checkpoints import Family

# spandrel's NAFNet asks torch for its saved tensors under their former name on the way back.
pytestmark = pytest.mark.filterwarnings("ignore:'saved_variables' is deprecated:DeprecationWarning")

FAMILIES: list[Family] = ["restormer", "nafnet", "uvdoc"]
HEADS = {"restormer": ("output.*",), "nafnet": ("ending.*",), "uvdoc": ("out_point_positions2D.*",)}


def loaded(family: Family, **changes: Any) -> LoadedModel:
    """A loaded model with random weights."""
    facts: dict[str, Any] = {
        "slug": family,
        "sha256": digest(family),
        "size": 1,
        "md5": None,
        "file": f"{family}.pth",
        "task": "motion-deblurring",
        "family": family,
        "architecture": ARCHITECTURES[family],
        "wrapper_key": WRAPPER_KEYS[family],
        "input_channels": 3,
        "allow_globals": (),
        "head": HEADS[family],
        "licence": "MIT",
        "commit": "c" * 40,
        "origin": "a test",
    }
    return LoadedModel(
        Wanted(**(facts | changes)), architectures.load(network(family).state_dict()), Path("file")
    )


def picture(height: int = 37, width: int = 53) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2))


def test_its_line_for_a_log_says_what_was_trained_from() -> None:
    model = loaded("nafnet")
    assert repr(model) == (
        f"LoadedModel(slug='nafnet', sha256='{digest('nafnet')}', commit='{'c' * 40}', licence='MIT', "
        "task='motion-deblurring', architecture='NAFNet', family='nafnet', origin='a test', device='cpu')"
    )
    assert model.facts["commit"] == model.commit == "c" * 40


@pytest.mark.parametrize("family", FAMILIES)
def test_calling_it_restores_any_size_without_gradients(family: Family) -> None:
    restored = loaded(family)(picture())
    assert restored.shape == (1, 3, 37, 53)
    assert 0 <= restored.min() <= restored.max() <= 1
    assert not restored.requires_grad


@pytest.mark.parametrize("family", FAMILIES)
def test_forward_is_the_same_with_gradients(family: Family) -> None:
    """Padded and cropped alike; only the clamp is left out."""
    model = loaded(family)
    trained = model.forward(picture())
    assert torch.equal(trained.detach().clamp(0, 1), model(picture()))
    trained.mean().backward()
    head = [p.grad for name, p in model.module.named_parameters() if fnmatchcase(name, HEADS[family][0])]
    assert all(gradient is not None for gradient in head)
    assert any(bool(gradient.abs().sum() > 0) for gradient in head if gradient is not None)


def test_a_look_in_the_middle_of_training_leaves_the_modes_alone() -> None:
    model = loaded("uvdoc").train()
    model.module.resnet_head.eval()
    before = {name: inner.training for name, inner in model.module.named_modules()}
    statistics = model.module.bridge_1[0][1].running_mean.clone()
    model(picture())
    assert {name: inner.training for name, inner in model.module.named_modules()} == before
    assert torch.equal(model.module.bridge_1[0][1].running_mean, statistics)


def test_its_family_says_what_the_head_is() -> None:
    model = loaded("nafnet")
    head, backbone = param_groups(model, 1e-3)
    assert len(head["params"]) == 2
    assert len(backbone["params"]) == len(list(model.module.parameters())) - 2
    other, _ = param_groups(model, 1e-3, head=["intro.*"])
    assert other["params"][0] is model.module.intro.weight


def test_train_and_eval_go_through() -> None:
    model = loaded("nafnet")
    assert not model.module.training
    assert model.train() is model
    assert model.module.training
    assert not model.eval().module.training


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_weights_lie_as_upstreams_do(family: Family, tmp_path: Path) -> None:
    model = loaded(family)
    with torch.no_grad():
        next(model.module.parameters()).add_(1)
    first, second = model.save(tmp_path / "one.pth"), model.save(tmp_path / "two.pth")
    assert first.read_bytes() == second.read_bytes()
    with opened(first) as checkpoint:
        tensors = unwrap(checkpoint.load(checkpoint.scan()), WRAPPER_KEYS[family])
    again = architectures.load(tensors, expected=ARCHITECTURES[family])
    wanted = model.module.state_dict()
    assert wanted.keys() == again.model.state_dict().keys()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in again.model.state_dict().items())


def test_without_a_wrapper_key_none_is_written(tmp_path: Path) -> None:
    path = loaded("nafnet", wrapper_key=None).save(tmp_path / "bare.pth")
    with opened(path) as checkpoint:
        assert "intro.weight" in unwrap(checkpoint.load(checkpoint.scan()), None)


@pytest.mark.parametrize("device", ["cuda:99", "no-such-device"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(DeviceMissing) as caught:
        loaded("nafnet").to(device)
    assert str(caught.value).startswith(f"device {device}: torch cannot use it here (")
    assert "\n" not in str(caught.value)


def test_it_works_on_any_device_that_torch_has() -> None:
    """The meta device stands for an accelerator: whatever stays behind on the CPU fails there."""
    model = loaded("nafnet").to("meta")
    assert str(model.device) == "meta"
    restored = model.forward(torch.empty(1, 3, 37, 53, device="meta"))
    assert (restored.device.type, tuple(restored.shape)) == ("meta", (1, 3, 37, 53))
    assert SMALL["nafnet"]["width"] == model.module.intro.out_channels
