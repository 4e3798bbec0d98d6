"""What runs networks: torch and spandrel, an extra that may not be installed.

Nothing here is imported before it is asked for, so that the catalogue, the scan and the
cards work where torch is not installed.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from restoration_models.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_TORCH = (2, 10)
"""Older releases let a crafted file past `weights_only`."""


class TorchMissing(UsageProblem):
    """torch, or what goes with it, is not installed."""

    def __init__(self, what: str) -> None:
        super().__init__(
            what, remedy="install the extra that validates and loads models: pip install '.[torch]'"
        )


def require_torch(*, networks: bool = True) -> None:
    """Import torch and, for `networks`, spandrel, or raise `TorchMissing`."""
    try:
        import torch

        if release(torch.__version__) < OLDEST_TORCH:
            needed = ".".join(map(str, OLDEST_TORCH))
            raise TorchMissing(f"torch {torch.__version__} is installed, {needed} or newer is needed")
        if not networks:
            return  # spandrel takes longer than torch itself
        with warnings.catch_warnings():
            # spandrel compiles a few functions with torch.jit at import; newer torch deprecates that.
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            import spandrel  # noqa: F401
            import spandrel_extra_arches  # noqa: F401
    except ImportError as error:
        raise TorchMissing(f"{error.name or error} is not installed") from error


def release(version: str) -> tuple[int, int]:
    """Return major and minor of a version such as ``2.10.0+cpu``."""
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


@contextmanager
def without_random_start() -> Iterator[None]:
    """Build modules whose random starting values are left out, for a strict load follows.

    Only the drawing of random numbers is skipped; whatever a constructor computes stays.
    """
    from torch.overrides import TorchFunctionMode

    drawn = {"uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_"}
    drawn |= {"xavier_uniform_", "xavier_normal_"}

    class LeaveOut(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if getattr(func, "__name__", "") in drawn:
                return args[0] if args else kwargs["tensor"]
            return func(*args, **kwargs)

    with LeaveOut():
        yield
