"""Pretrained checkpoints of a document-restoration pipeline: downloaded, proved, documented.

``restoration_models.load("uvdoc")`` is a ready model; `param_groups` prepares one for
fine-tuning. Both are imported when they are first asked for: importing the package is instant
and needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from restoration_models.training import LoadedModel, load, param_groups

__version__ = "0.1.0"
__all__ = ["LoadedModel", "load", "param_groups"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from restoration_models import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
