"""Differential fine-tuning: the head at full rate, the backbone slower or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.training.model import LoadedModel

if TYPE_CHECKING:
    from torch import nn

_WRAPPERS = ("module.", "_orig_mod.")
"""What DistributedDataParallel and torch.compile put before every name."""
ALL = "*"
"""The pattern of a network without a backbone, said on purpose."""
SHOWN = 3
_FROZEN = "_frozen_by_restoration_models"
"""Attribute of a module: names of its own parameters that `freeze` froze. A deep copy has it too."""


class NoHead(UsageProblem):
    """Nobody says which parameters are the head."""

    def __init__(self) -> None:
        super().__init__(
            "which parameters are the head is not known for a plain module",
            where="param_groups",
            remedy='name them: head=["ending.*"]',
        )


class HeadMatchesNothing(ModelProblem):
    """No parameter has a name that a head pattern matches."""

    def __init__(self, patterns: Sequence[str], names: Sequence[str]) -> None:
        ends = ", ".join([*names[:1], "…", *names[-2:]]) if len(names) > SHOWN else ", ".join(names)
        super().__init__(
            f"no parameter matches the head's pattern {_quoted(patterns)}; the names are {ends}",
            where="param_groups",
            remedy="correct the family's head in params.yaml, or pass head=[…]",
        )


class HeadMatchesAll(ModelProblem):
    """Every parameter matches, so no backbone is left."""

    def __init__(self, patterns: Sequence[str]) -> None:
        super().__init__(
            f"every parameter matches the head's pattern {_quoted(patterns)}: no backbone is left",
            where="param_groups",
            remedy='pass narrower patterns as head=[…], or head=["*"] to train all of it at one rate',
        )


class BadRate(UsageProblem):
    """A learning rate or factor that trains nothing."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(
            f"{name} is {value}, it must be a number greater than 0",
            where="param_groups",
            remedy="to train the head alone, pass freeze_backbone=True",
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """A network's parameters and modules, head and backbone apart."""

    head: tuple[nn.Parameter, ...]
    backbone: tuple[nn.Parameter, ...]
    backbone_modules: tuple[nn.Module, ...]
    """Modules that hold nothing of the head, themselves or below."""


def param_groups(
    model: LoadedModel | nn.Module,
    lr: float,
    backbone_factor: float = 0.1,
    freeze_backbone: bool = False,
    *,
    head: Iterable[str] | None = None,
) -> list[dict[str, Any]]:
    """Return an optimiser's two groups: ``head`` at `lr`, ``backbone`` at `lr` x `backbone_factor`.

    The head's parameters are those that a pattern of the model's family matches (fnmatch over
    names such as ``ending.weight``); `head` states other patterns, and must for a plain module.
    The pattern ``*`` makes all of the network the head, and the backbone's group empty. Every
    parameter is in exactly one group. Wrappers of torch.compile and DistributedDataParallel are
    seen through.

    With `freeze_backbone` the backbone is not trained: see `freeze`. Without it, a backbone
    that an earlier call froze is trained again; a parameter that somebody else froze stays so.
    The module's mode is left as it is: call ``model.train()`` before training.

    Raises `NoHead`, `HeadMatchesNothing`, `HeadMatchesAll`, `BadRate`.
    """
    for name, value in (("lr", lr), ("backbone_factor", backbone_factor)):
        if not (math.isfinite(value) and value > 0):
            raise BadRate(name, value)
    parts = split(model, head)
    if freeze_backbone:
        _require_backbone(parts)
    module = _module(model)
    _thaw(module)
    if freeze_backbone:
        _freeze(module, parts)
    else:
        _release(module, parts.backbone_modules)
    rate = 0.0 if freeze_backbone else lr * backbone_factor
    return [
        {"name": "head", "params": list(parts.head), "lr": lr},
        {"name": "backbone", "params": list(parts.backbone), "lr": rate},
    ]


def freeze(model: LoadedModel | nn.Module, *, head: Iterable[str] | None = None) -> None:
    """Freeze the backbone: parameters and buffers stay bit-identical whatever is trained.

    Its parameters want no gradient and lose the one they have. Its modules run in evaluation
    mode whenever they are called, after ``train()`` too, so that BatchNorm uses and keeps its
    statistics and dropout is off. Raises as `param_groups` does.
    """
    parts = split(model, head)
    _require_backbone(parts)
    _freeze(_module(model), parts)


def unfreeze(model: LoadedModel | nn.Module) -> None:
    """Take back `freeze`: what it froze wants a gradient, every module follows ``train()`` again."""
    module = _module(model)
    _thaw(module)
    _release(module, module.modules())


def split(model: LoadedModel | nn.Module, head: Iterable[str] | None = None) -> Parts:
    """Tell head and backbone apart, changing nothing.

    Raises `NoHead`, `HeadMatchesNothing`, `HeadMatchesAll`.
    """
    module = _module(model)
    stated = head if head is not None else model.head if isinstance(model, LoadedModel) else ()
    patterns = [stated] if isinstance(stated, str) else list(stated)
    if not patterns:
        raise NoHead
    of_head: dict[int, nn.Parameter] = {}
    every: dict[int, nn.Parameter] = {}
    names = []
    # A parameter that several modules share has several names; one that matches decides.
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.append(plain_name(name))
        every[id(parameter)] = parameter
        if _matches(name, patterns):
            of_head[id(parameter)] = parameter
    if not of_head:
        raise HeadMatchesNothing(patterns, names)
    backbone = tuple(parameter for key, parameter in every.items() if key not in of_head)
    if not backbone and ALL not in patterns:
        raise HeadMatchesAll(patterns)
    return Parts(tuple(of_head.values()), backbone, _backbone_modules(module, patterns, set(of_head)))


def plain_name(name: str) -> str:
    """`name` of a parameter without what wrappers put before it."""
    while prefix := next((wrapper for wrapper in _WRAPPERS if name.startswith(wrapper)), None):
        name = name[len(prefix) :]
    return name


def _require_backbone(parts: Parts) -> None:
    if not parts.backbone:
        raise HeadMatchesAll([ALL])


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(plain_name(name), pattern) for pattern in patterns)


def _backbone_modules(module: nn.Module, patterns: Sequence[str], of_head: set[int]) -> tuple[nn.Module, ...]:
    """Modules without anything of the head in or below them.

    One without tensors (an activation, dropout) goes with the nearest module around it that has some.
    """
    found: list[nn.Module] = []

    def walk(inner: nn.Module, prefix: str, around: bool) -> None:
        tensors = [
            id(tensor) in of_head or _matches(prefix + name, patterns)
            for named in (
                inner.named_parameters(remove_duplicate=False),
                inner.named_buffers(remove_duplicate=False),
            )
            for name, tensor in named
        ]
        of_backbone = not any(tensors) if tensors else around
        if of_backbone:
            found.append(inner)
        for name, child in inner.named_children():
            walk(child, f"{prefix}{name}.", of_backbone)

    walk(module, "", False)
    return tuple(found)


def _module(model: LoadedModel | nn.Module) -> nn.Module:
    return model.module if isinstance(model, LoadedModel) else model


def _freeze(root: nn.Module, parts: Parts) -> None:
    backbone = {id(parameter) for parameter in parts.backbone}
    for module in root.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in backbone:
                continue
            if parameter.requires_grad:
                parameter.requires_grad_(False)
                module.__dict__.setdefault(_FROZEN, set()).add(name)
            # An optimiser steps on what it finds here.
            parameter.grad = None
    for module in parts.backbone_modules:
        module.eval()
        if not _holds(module):
            module.register_forward_pre_hook(_stay)


def _thaw(root: nn.Module) -> None:
    """Have the parameters that `_freeze` froze, and no others, want a gradient again."""
    for module in root.modules():
        for name in module.__dict__.pop(_FROZEN, ()):
            parameter = module._parameters.get(name)
            if parameter is not None:
                parameter.requires_grad_(True)


def _release(root: nn.Module, modules: Iterable[nn.Module]) -> None:
    for module in modules:
        for key in _holds(module):
            del module._forward_pre_hooks[key]
            module.training = root.training


def _holds(module: nn.Module) -> list[int]:
    """Keys of our hook on `module`: looked up by the function, so that a deep copy is known too."""
    return [key for key, hook in module._forward_pre_hooks.items() if hook is _stay]


def _stay(module: nn.Module, _inputs: Any) -> None:
    """Keep a frozen module in evaluation mode: ``train()`` on the whole network reaches it as well."""
    if module.training:
        module.training = False


def _quoted(patterns: Sequence[str]) -> str:
    return ", ".join(patterns)
