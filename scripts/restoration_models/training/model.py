"""A loaded model: the network, and what a training log should say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from restoration_models.errors import UsageProblem

if TYPE_CHECKING:
    import torch
    from torch import nn

    from restoration_models.architectures.registry import Network
    from restoration_models.training.wanted import Wanted

FACTS = ("slug", "sha256", "commit", "licence", "task", "architecture", "family", "origin")


class DeviceMissing(UsageProblem):
    """torch cannot use the device on this machine."""

    def __init__(self, device: object, reason: str) -> None:
        super().__init__(
            f"torch cannot use it here ({reason})",
            where=f"device {device}",
            remedy="name one that it can, such as cpu",
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LoadedModel:
    """A network with its proved weights.

    Calling it restores pictures: (N, `input_channels`, H, W) in 0..1, on the model's device, to
    the same size in 0..1, padded as the network needs and cropped back; no gradients. Training
    calls `forward`, or `module` itself. ``repr`` is one line for a training log, `facts` the
    same for programs.
    """

    wanted: Wanted
    network: Network
    path: Path
    """The checkpoint that was read."""

    @property
    def slug(self) -> str:
        """The model's name in the catalogue."""
        return self.wanted.slug

    @property
    def sha256(self) -> str:
        """The checkpoint's digest: the model's identity."""
        return self.wanted.sha256

    @property
    def commit(self) -> str | None:
        """The catalogue's git commit, ``-dirty`` behind it where files differ; None where unknown."""
        return self.wanted.commit

    @property
    def licence(self) -> str:
        """SPDX identifier."""
        return self.wanted.licence

    @property
    def task(self) -> str:
        """What the model does, such as ``motion-deblurring``."""
        return self.wanted.task

    @property
    def architecture(self) -> str:
        """The registry's identifier, such as ``NAFNet``."""
        return self.wanted.architecture

    @property
    def family(self) -> str:
        """The catalogue's family, such as ``nafnet``."""
        return self.wanted.family

    @property
    def origin(self) -> str:
        """Where the model's description came from: a checkout, a repository or a manifest."""
        return self.wanted.origin

    @property
    def head(self) -> tuple[str, ...]:
        """Patterns of the parameters that fine-tuning trains at full rate."""
        return self.wanted.head

    @property
    def module(self) -> nn.Module:
        """The network itself."""
        return self.network.model

    @property
    def input_channels(self) -> int:
        """Channels that the network takes."""
        return self.network.input_channels

    @property
    def output_channels(self) -> int:
        """Channels that the network gives."""
        return self.network.output_channels

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def facts(self) -> dict[str, str | None]:
        """What a training log should keep."""
        return {name: getattr(self, name) for name in FACTS}

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"LoadedModel({said}, device={str(self.device)!r})"

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """Restore `image`, without gradients and in evaluation mode; modes are put back afterwards."""
        training = [module for module in self.module.modules() if module.training]
        try:
            return self.network(image)
        finally:
            for module in training:
                module.training = True

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Restore `image` for training: padded and cropped alike, differentiable, not clamped.

        (N, `input_channels`, H, W) to (N, `output_channels`, H, W). Uses the module's present mode.
        """
        from torch.nn import functional

        height, width = image.shape[-2:]
        multiple = self.network.size_requirements.multiple_of
        down, right = -height % multiple, -width % multiple
        if down or right:
            image = functional.pad(image, (0, right, 0, down), mode="reflect")
        # How this architecture goes from picture to picture: spandrel keeps it under this name alone.
        restored: torch.Tensor = self.network._call_fn(self.module, image)  # type: ignore[attr-defined]
        return restored[..., :height, :width]

    def train(self, mode: bool = True) -> Self:
        """Put the network in training mode; a frozen backbone stays in evaluation mode."""
        self.module.train(mode)
        return self

    def eval(self) -> Self:
        """Put the network in evaluation mode, as it is after loading."""
        return self.train(False)

    def to(self, device: str | torch.device) -> Self:
        """Move the weights to `device`. Raises `DeviceMissing`."""
        import torch

        try:
            chosen = torch.device(device)
            self.module.to(chosen)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise DeviceMissing(device, lines[0].rstrip(".")) from error
        return self

    def save(self, path: str | Path) -> Path:
        """Write the weights to `path` as the model's own checkpoint has them: same names, same wrapper key.

        `models add PATH --base SLUG` takes the file. Written in one step, the same weights give the
        same bytes. Raises `NoSpace`, `DiskFailure`.
        """
        import io

        import torch

        from restoration_models.files import write_bytes

        target = Path(path)
        state: dict[str, Any] = {
            name: tensor.detach().cpu().contiguous() for name, tensor in self.module.state_dict().items()
        }
        key = self.wanted.wrapper_key
        buffer = io.BytesIO()
        torch.save(state if key is None else {key: state}, buffer)
        write_bytes(target, buffer.getvalue())
        return target


def best_device() -> str:
    """Return the accelerator that torch can use here, or ``cpu``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
