"""Every parameter in one group, and a frozen backbone that stays as it is to the bit."""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from torch import nn

from restoration_models import catalogue
from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.training import (
    BadRate,
    HeadMatchesAll,
    HeadMatchesNothing,
    NoHead,
    freeze,
    param_groups,
    unfreeze,
)
from support import readme
from support.checkpoints import FULL, PARAMETERS, network
from support.layers import REPOSITORY

if TYPE_CHECKING:
    from support.checkpoints import Family

# spandrel's NAFNet asks torch for its saved tensors under their former name on the way back.
pytestmark = pytest.mark.filterwarnings("ignore:'saved_variables' is deprecated:DeprecationWarning")

FAMILIES: list[Family] = ["restormer", "nafnet", "uvdoc"]
HEADS = {family: catalogue.load(REPOSITORY).families[family].head for family in FAMILIES}
"""What the committed catalogue says."""
EXPECTED_HEADS = {
    "restormer": {"output.weight"},
    "nafnet": {"ending.weight", "ending.bias"},
    "uvdoc": {
        "out_point_positions2D.0.weight",
        "out_point_positions2D.1.weight",
        "out_point_positions2D.1.bias",
        "out_point_positions2D.2.weight",
        "out_point_positions2D.3.weight",
        "out_point_positions2D.3.bias",
    },
}


def full_size(family: Family) -> nn.Module:
    """The published network without memory for its values."""
    from spandrel.architectures.NAFNet import NAFNet
    from spandrel_extra_arches.architectures.Restormer import Restormer

    from restoration_models.architectures.uvdoc import UVDoc

    classes: dict[str, Any] = {"restormer": Restormer, "nafnet": NAFNet, "uvdoc": UVDoc}
    with torch.device("meta"):
        made: nn.Module = classes[family](**FULL[family])
    return made


def names(module: nn.Module, group: dict[str, Any]) -> set[str]:
    wanted = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in module.named_parameters() if id(parameter) in wanted}


def picture(batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, 48, 32, generator=torch.Generator().manual_seed(5))


def train(module: nn.Module, groups: list[dict[str, Any]], optimiser: str = "AdamW", steps: int = 2) -> None:
    chosen: Any = {
        "AdamW": lambda: torch.optim.AdamW(groups, weight_decay=0.1),
        "SGD": lambda: torch.optim.SGD(groups, momentum=0.9, weight_decay=0.1),
    }[optimiser]()
    module.train()
    for _ in range(steps):
        output = module(picture())
        first = output[0] if isinstance(output, tuple) else output
        chosen.zero_grad()
        first.square().mean().backward()
        chosen.step()


def values(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("build", [network, full_size], ids=["small", "full size"])
def test_every_parameter_is_in_exactly_one_group(family: Family, build: Any) -> None:
    module = build(family)
    head, backbone = param_groups(module, 1e-3, head=HEADS[family])
    assert (head["name"], head["lr"]) == ("head", 1e-3)
    assert (backbone["name"], backbone["lr"]) == ("backbone", pytest.approx(1e-4))
    grouped = [id(parameter) for group in (head, backbone) for parameter in group["params"]]
    assert sorted(grouped) == sorted(map(id, module.parameters()))
    assert names(module, head) == EXPECTED_HEADS[family]
    assert all(parameter.requires_grad for parameter in module.parameters())
    if build is full_size:
        assert sum(p.numel() for group in (head, backbone) for p in group["params"]) == PARAMETERS[family]


def test_the_factor_is_of_the_heads_rate() -> None:
    module = network("nafnet")
    assert [group["lr"] for group in param_groups(module, 0.2, 0.5, head=["ending.*"])] == [0.2, 0.1]


@pytest.mark.parametrize("optimiser", ["AdamW", "SGD"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_frozen_backbone_stays_bit_identical(family: Family, optimiser: str) -> None:
    """Parameters and buffers, though the network as a whole is put in training mode."""
    module = network(family)
    before = values(module)
    groups = param_groups(module, 1e-2, freeze_backbone=True, head=HEADS[family])
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(map(id, module.parameters()))
    train(module, groups, optimiser)
    moved = changed(module, before)
    assert moved >= EXPECTED_HEADS[family]
    assert all(any(fnmatchcase(name, pattern) for pattern in HEADS[family]) for name in moved)


def test_without_freezing_parameters_and_statistics_move() -> None:
    """What the test above could not tell otherwise."""
    module = network("uvdoc")
    before = values(module)
    train(module, param_groups(module, 1e-2, head=HEADS["uvdoc"]))
    moved = changed(module, before)
    assert {
        "resnet_head.0.weight",
        "resnet_head.1.running_mean",
        "resnet_head.1.num_batches_tracked",
    } <= moved


def test_a_frozen_network_computes_the_same_in_training_mode() -> None:
    """BatchNorm of the backbone uses its statistics, not the batch's."""
    module = network("uvdoc")
    freeze(module, head=["out_point_positions2D.3.*"])
    module.eval()
    calm = module(picture())[0]
    module.train()
    features = module.features(picture())
    assert torch.equal(features, module.eval().features(picture()))
    assert torch.equal(calm, module(picture())[0])


def test_freezing_survives_a_copy_and_can_be_taken_back() -> None:
    module = network("uvdoc")
    freeze(module, head=HEADS["uvdoc"])
    twin = copy.deepcopy(module)
    before = values(twin)
    train(twin, [{"params": [p for p in twin.parameters() if p.requires_grad], "lr": 1e-2}])
    assert all(name.startswith("out_point_positions2D.") for name in changed(twin, before))
    unfreeze(twin)
    assert all(parameter.requires_grad for parameter in twin.parameters())
    assert all(inner.training for inner in twin.modules())
    train(twin, param_groups(twin, 1e-2, head=HEADS["uvdoc"]))
    assert "resnet_head.1.running_mean" in changed(twin, before)
    assert not any(parameter.requires_grad for parameter in module.resnet_head.parameters())


def test_a_later_call_decides() -> None:
    """First the head alone, then everything: the second call thaws the backbone."""
    module = network("uvdoc")
    train(module, param_groups(module, 1e-2, freeze_backbone=True, head=HEADS["uvdoc"]), steps=1)
    before = values(module)
    train(module, param_groups(module, 1e-2, head=HEADS["uvdoc"]), steps=1)
    assert {"resnet_head.0.weight", "resnet_head.1.running_mean"} <= changed(module, before)


@pytest.mark.parametrize("freeze_backbone", [False, True])
def test_what_somebody_else_froze_stays_frozen(freeze_backbone: bool) -> None:
    module = network("nafnet")
    theirs = [module.intro.weight, module.ending.bias]
    for parameter in theirs:
        parameter.requires_grad_(False)
    for again in (freeze_backbone, not freeze_backbone, False):
        groups = param_groups(module, 1e-2, freeze_backbone=again, head=HEADS["nafnet"])
        assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))
    unfreeze(module)

    frozen = {id(parameter) for parameter in module.parameters() if not parameter.requires_grad}
    assert frozen == {id(parameter) for parameter in theirs}


def test_freezing_twice_is_freezing_once() -> None:
    module = network("uvdoc")
    for _ in range(2):
        freeze(module, head=HEADS["uvdoc"])
    assert len(module.resnet_head[1]._forward_pre_hooks) == 1


def test_a_gradient_from_before_moves_nothing() -> None:
    module = network("nafnet")
    module(picture()).square().mean().backward()
    before = values(module)
    groups = param_groups(module, 1e-2, freeze_backbone=True, head=HEADS["nafnet"])
    torch.optim.SGD(groups).step()
    assert changed(module, before) == EXPECTED_HEADS["nafnet"]


class Own(nn.Module):
    """Somebody's network: normalisation without parameters, dropout, a container that is never called."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [
            nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, affine=False), nn.Dropout(0.5)) for _ in "12"
        ]
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Sequential(
            nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3, affine=False), nn.Dropout(0.5)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            for inner in block:
                image = inner(image)
        found: torch.Tensor = self.head(image)
        return found


def test_what_has_no_parameters_goes_with_what_is_around_it() -> None:
    module = Own()
    before = values(module)
    train(module, param_groups(module, 1e-2, freeze_backbone=True, head=["head.*"]))
    assert changed(module, before) == {
        "head.0.weight",
        "head.1.running_mean",
        "head.1.running_var",
        "head.1.num_batches_tracked",
    }
    off = {name for name, inner in module.named_modules() if not inner.training}
    assert {"blocks.0.1", "blocks.0.2", "blocks.1.2"} <= off
    assert not {"head", "head.1", "head.2"} & off


def test_wrappers_are_seen_through() -> None:
    module = network("nafnet")
    wrapped = torch.compile(nn.DataParallel(module), backend="eager")
    head, _ = param_groups(wrapped, 1e-3, head=["ending.*"])
    assert names(module, head) == EXPECTED_HEADS["nafnet"]


def test_a_shared_parameter_is_of_the_head_under_any_of_its_names() -> None:
    module = nn.Module()
    module.first, module.last, module.rest = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    module.last.weight = module.first.weight
    head, backbone = param_groups(module, 1e-3, head=["last.*"])
    assert names(module, head) == {"first.weight", "last.bias"}
    assert names(module, backbone) == {"first.bias", "rest.weight", "rest.bias"}


def test_patterns_that_match_nothing() -> None:
    with pytest.raises(HeadMatchesNothing) as caught:
        param_groups(network("nafnet"), 1e-3, head=["output.*", "fc"])
    assert isinstance(caught.value, ModelProblem)
    assert str(caught.value).startswith(
        "param_groups: no parameter matches the head's pattern output.*, fc; the names are intro.weight, …, "
    )
    assert str(caught.value).endswith("; correct the family's head in params.yaml, or pass head=[…]")


def test_patterns_that_match_everything() -> None:
    with pytest.raises(HeadMatchesAll) as caught:
        param_groups(network("nafnet"), 1e-3, head="*[a-z]*")
    assert str(caught.value) == (
        "param_groups: every parameter matches the head's pattern *[a-z]*: no backbone is left; "
        'pass narrower patterns as head=[…], or head=["*"] to train all of it at one rate'
    )


@pytest.mark.parametrize(
    ("title", "family"), [("Add an architecture", "tone"), ("A checkpoint of your own", "docunet")]
)
def test_a_network_without_a_backbone(title: str, family: str) -> None:
    """As the README's own families declare it: all of it is the head; there is nothing to freeze."""
    (block,) = [block.text for block in readme.section(title) if block.language == "yaml"]
    patterns = yaml.safe_load(block)[family]["head"]
    module: nn.Module = nn.ModuleDict({"mix": nn.Conv2d(3, 3, 1)})
    before = values(module)
    with pytest.raises(HeadMatchesAll):
        param_groups(module, 1e-2, freeze_backbone=True, head=patterns)
    with pytest.raises(HeadMatchesAll):
        freeze(module, head=patterns)
    groups = param_groups(module, 1e-2, head=patterns)
    assert [len(group["params"]) for group in groups] == [2, 0]
    optimiser = torch.optim.AdamW(groups)
    module.get_submodule("mix")(picture()).square().mean().backward()
    optimiser.step()
    assert changed(module, before) == {"mix.weight", "mix.bias"}


def test_a_plain_module_needs_patterns() -> None:
    with pytest.raises(NoHead, match="not known for a plain module; name them") as caught:
        param_groups(network("nafnet"), 1e-3)
    assert isinstance(caught.value, UsageProblem)


@pytest.mark.parametrize(("lr", "factor"), [(0.0, 0.1), (-1.0, 0.1), (float("nan"), 0.1), (1e-3, 0.0)])
def test_rates_that_train_nothing(lr: float, factor: float) -> None:
    with pytest.raises(
        BadRate, match="must be a number greater than 0; to train the head alone, pass freeze"
    ):
        param_groups(network("nafnet"), lr, factor, head=["ending.*"])


def test_a_refusal_changes_nothing() -> None:
    module = network("nafnet")
    freeze(module, head=["ending.*"])
    before = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    with pytest.raises(HeadMatchesNothing):
        param_groups(module, 1e-3, head=["nothing.*"])
    assert {name: parameter.requires_grad for name, parameter in module.named_parameters()} == before
