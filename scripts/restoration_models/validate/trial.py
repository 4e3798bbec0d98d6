"""The forward pass over the test page, and its figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from restoration_models import testpage
from restoration_models.report import Measured
from restoration_models.tasks import Task
from restoration_models.validate.problems import BadOutput, WrongTaskChannels

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from restoration_models.architectures.registry import Network

    Image = NDArray[np.float32]

MOST_PSNR = 100.0
"""dB reported for equal pictures, whose ratio is infinite."""

NO_NETWORK = "the architecture is unregistered: no network was built, no forward pass was made"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a forward pass showed: figures, or why there are none."""

    measured: Measured | None
    reason: str | None
    picture: bytes
    """PNG."""


def try_out(network: Network | None, task: Task) -> Trial:
    """Run the network over the task's page and compare with the truth.

    Without a network nothing runs. Where the task has no page (dual-pixel), the network runs
    on a stand-in of the right shape and nothing is measured. Raises `WrongTaskChannels`,
    `BadOutput`.
    """
    sample = testpage.sample(task)
    if network is None:
        return Trial(None, NO_NETWORK, _untried(task))
    if isinstance(sample, testpage.NotMeasurable):
        run(network, _stand_in(network.input_channels))
        return Trial(None, sample.reason, testpage.picture(sample, None))
    given = sample.degraded.shape[2]
    if given != network.input_channels:
        raise WrongTaskChannels(task, given, network.input_channels)
    output = run(network, sample.degraded)
    if output.shape != sample.truth.shape:
        raise BadOutput(f"a picture of shape {output.shape} where {sample.truth.shape} is right")
    return Trial(_figures(sample, output), None, testpage.picture(sample, output))


@cache
def _untried(task: Task) -> bytes:
    """The picture of a page on which nothing was tried: one for all models of a task."""
    return testpage.picture(testpage.sample(task), None)


def run(network: Network, image: Image) -> Image:
    """Return the network's output, (H, W, C) float32 in 0..1, for a picture of that form.

    Sizes that the network cannot take are mirrored out on the right and at the bottom, and
    cut back. Raises `BadOutput` where the network yields NaN or infinity, even where
    clamping would hide it.
    """
    import torch

    finite = True

    def look(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal finite
        outputs = output if isinstance(output, tuple) else (output,)
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in outputs)

    # The page is read-only and torch takes no such array.
    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
    hook = network.model.register_forward_hook(look)
    try:
        restored = network(batch)
    except RuntimeError as error:
        raise BadOutput(f"an error ({str(error).splitlines()[0]})") from error
    finally:
        hook.remove()
    if not finite or not bool(torch.isfinite(restored).all()):
        raise BadOutput("NaN or infinite values")
    if restored.ndim != batch.ndim or restored.shape[0] != 1:
        raise BadOutput(f"a tensor of shape {tuple(restored.shape)}, no picture")
    picture: Image = restored[0].permute(1, 2, 0).contiguous().numpy()
    return picture


def _stand_in(channels: int) -> Image:
    """Return a page of as many channels as asked, the defocused one repeated."""
    sample = testpage.sample(Task.DEFOCUS_DEBLURRING)
    if isinstance(sample, testpage.NotMeasurable):
        raise TypeError("the test page of defocus deblurring is always there")
    page = sample.degraded
    copies = -(-channels // page.shape[2])
    return np.concatenate([page] * copies, axis=2)[:, :, :channels]


def _figures(sample: testpage.Sample, output: Image) -> Measured:
    psnr = [
        round(min(testpage.psnr(image, sample.truth), MOST_PSNR), 2) for image in (sample.degraded, output)
    ]
    ssim = [round(testpage.ssim(image, sample.truth), 3) for image in (sample.degraded, output)]
    marks: dict[str, Any] = {}
    if sample.task is Task.DOCUMENT_UNWARPING:
        before, after = testpage.grid_error(sample.degraded), testpage.grid_error(output)
        marks = {
            "grid_error_before": round(before.mean, 2),
            "grid_error_after": round(after.mean, 2),
            "grid_marks_found": after.found,
        }
    return Measured(
        psnr_before=psnr[0],
        psnr_after=psnr[1],
        gain_db=round(psnr[1] - psnr[0], 2),
        ssim_before=ssim[0],
        ssim_after=ssim[1],
        **marks,
    )
