"""What a validation can find wrong with a model, besides what the file and its keys show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_models.errors import ModelProblem
from restoration_models.scan import plain_name

if TYPE_CHECKING:
    from restoration_models.tasks import Task


class NotFinite(ModelProblem):
    """A weight is NaN or infinite."""

    def __init__(self, tensor: str, others: int) -> None:
        self.tensor = tensor
        more = f" and {others} more" if others else ""
        super().__init__(
            f"NaN or infinite values in {plain_name(tensor)}{more}",
            remedy="the training diverged or the file was damaged: use an earlier checkpoint",
        )


class WrongChannels(ModelProblem):
    """The network takes another number of channels than declared."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"the network takes {found} input channels, the catalogue declares {expected}",
            remedy="correct the entry's input-channels, or its sources",
        )


class WrongCount(ModelProblem):
    """The network has more or fewer parameters or tensors than declared."""

    def __init__(self, what: str, expected: int, found: int) -> None:
        super().__init__(
            f"the checkpoint has {found} {what}, the catalogue declares {expected}",
            remedy=f"correct the entry's {what}, or its sources",
        )


class GainTooLow(ModelProblem):
    """The model improves the test page less than the catalogue demands."""

    def __init__(self, gain: float, least: float) -> None:
        super().__init__(
            f"the model gains {gain:.2f} dB on the test page, min-gain-db demands {least:.2f}",
            remedy="use better weights, or demand less with min-gain-db",
        )


class WrongTaskChannels(ModelProblem):
    """The network cannot take its task's page."""

    def __init__(self, task: Task, given: int, taken: int) -> None:
        super().__init__(
            f"the network takes {taken} channels, the page of {task} has {given}",
            remedy="correct the task",
        )


class BadOutput(ModelProblem):
    """The network ran and its output is no picture."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the forward pass over the test page gives {reason}",
            remedy="the weights are damaged, or the network is not what the catalogue declares",
        )
