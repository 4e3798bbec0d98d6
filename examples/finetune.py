"""Fine-tune a model of this repository on one page: load it, train the head, save the result.

    python examples/finetune.py                          # UVDoc, its head alone, on the CPU
    python examples/finetune.py nafnet-sidd-width32 --train-backbone --device cuda

The page is the one that validation draws, degraded for the model's task: enough to see a loss
fall, no data set. Put your own pairs in the place of `pair`. The weights go to a file that
`models add` takes as a new model with this one as its base.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

import restoration_models
from restoration_models import testpage
from restoration_models.fingerprint import fingerprint
from restoration_models.tasks import Task

Say = Callable[[str], object]


def main(arguments: list[str] | None = None, say: Say = print) -> None:
    """Run the example."""
    asked = options().parse_args(arguments)
    model = restoration_models.load(asked.model, project=asked.project, manifest=asked.manifest)
    model.to(asked.device)
    say(repr(model))  # which weights, of which commit, under which licence: the first line of a log
    given, truth = pair(Task(model.task), asked.device)

    groups = restoration_models.param_groups(
        model, asked.lr, backbone_factor=0.1, freeze_backbone=not asked.train_backbone
    )
    optimiser = torch.optim.AdamW(groups)
    for group in optimiser.param_groups:
        say(f"{group['name']}: {sum(p.numel() for p in group['params'])} parameters, rate {group['lr']:g}")

    backbone = tensors_of_backbone(model)
    before, kept = loss_of(model, given, truth).item(), fingerprint(backbone)
    # A batch of one page is too small to renew BatchNorm's statistics, so the network stays in
    # evaluation mode, in which gradients flow as well. With real batches: model.train().
    for step in range(1, asked.steps + 1):
        began = time.monotonic()
        loss = loss_of(model, given, truth, gradients=True)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        say(f"step {step}: loss {loss.item():.5f} ({time.monotonic() - began:.1f} s)")

    after = loss_of(model, given, truth).item()
    say(f"loss {before:.5f} -> {after:.5f}")
    same = fingerprint(tensors_of_backbone(model)) == kept
    say(f"backbone: {'bit-identical' if same else 'trained'}")
    if asked.output:
        model.save(asked.output)
        say(f"wrote {asked.output}; `models add {asked.output} --base {model.slug} …` makes it a model")


def pair(task: Task, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The degraded page and the true one, each (1, C, H, W) in 0..1."""
    sample = testpage.sample(task)
    if isinstance(sample, testpage.NotMeasurable):
        sys.exit(f"there is no test page for {task}: {sample.reason}")
    given, truth = (
        torch.from_numpy(image.transpose(2, 0, 1).copy())[None].to(device)
        for image in (sample.degraded, sample.truth)
    )
    return given, truth


def loss_of(
    model: restoration_models.LoadedModel, given: torch.Tensor, truth: torch.Tensor, gradients: bool = False
) -> torch.Tensor:
    """How far the restored page is from the true one."""
    with torch.set_grad_enabled(gradients):
        return functional.l1_loss(model.forward(given), truth)


def tensors_of_backbone(model: restoration_models.LoadedModel) -> dict[str, torch.Tensor]:
    """Every parameter and buffer outside the head: what freezing keeps as it is."""
    from fnmatch import fnmatchcase

    return {
        name: tensor.detach().cpu()
        for name, tensor in model.module.state_dict().items()
        if not any(fnmatchcase(name, pattern) for pattern in model.head)
    }


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fine-tune a model of this repository on one page.")
    parser.add_argument("model", nargs="?", default="uvdoc", help="the model (default: uvdoc)")
    parser.add_argument("--steps", type=int, default=6, help="optimiser steps (default: 6)")
    parser.add_argument("--lr", type=float, default=1e-4, help="the head's learning rate (default: 1e-4)")
    parser.add_argument(
        "--train-backbone", action="store_true", help="train the backbone too, at a tenth of the rate"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps … (default: cpu)")
    parser.add_argument("--output", type=Path, help="write the trained checkpoint to this file")
    parser.add_argument("--project", type=Path, help="a checkout (default: the one around here)")
    parser.add_argument("--manifest", help="load the published model of this manifest instead")
    return parser


if __name__ == "__main__":
    main()
