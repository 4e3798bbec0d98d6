"""The evidence of a validation: `reports/<slug>.json`.

A DVC metric kept in git. It holds nothing that changes from run to run or from machine to
machine: no times, no paths, no versions; figures are rounded. Reading it needs no torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from restoration_models.errors import ModelProblem
from restoration_models.files import write_text
from restoration_models.tasks import Task

SCHEMA = 1
"""Of the report's own shape; the validation procedure has its number in `protocol`."""


class UnreadableReport(ModelProblem):
    """A report is not what a validation wrote."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"not a validation report ({reason})",
            where=str(path),
            remedy="restore it with git checkout, or validate the model again",
        )


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=_kebab,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Scan(_Part):
    """What the scan saw without running anything."""

    container: str
    globals: tuple[str, ...] = ()
    """Names that the pickle would import, sorted."""
    members: int


class Verified(_Part):
    """What was proved; false means not tried, for a failure leaves no report."""

    digests: bool
    scan: bool
    finite: bool
    architecture: bool
    forward: bool


class Measured(_Part):
    """Figures on the test page, before (degraded) and after the model."""

    psnr_before: float
    """dB against the true page, 2 decimals."""
    psnr_after: float
    gain_db: float
    """After minus before, of the rounded figures."""
    ssim_before: float
    """-1..1, 3 decimals."""
    ssim_after: float
    grid_error_before: float | None = None
    """Unwarping only: mean distance in pixels of the printed grid points from where they belong."""
    grid_error_after: float | None = None
    grid_marks_found: int | None = None
    """After, of 45; one that is lost counts with its distance before."""


class Report(_Part):
    """The outcome of one validation."""

    schema_: int = Field(default=SCHEMA, ge=1)
    model: str
    protocol: int
    task: Task
    file: str
    size: int
    sha256: str
    md5: str
    scan: Scan
    wrapper_key: str | None = None
    """Key of the file's top-level dict under which the state dict lies."""
    key_prefix: str | None = None
    """Put before every key by parallel training; the loader of this project takes it off."""
    architecture: str
    """The registry's identifier, recognised from the keys; or ``unregistered``."""
    verified: Verified
    tensors: int
    dtypes: dict[str, int]
    """Tensors by element type."""
    parameters: int | None = None
    """Learnable ones; unknown where the architecture is unregistered."""
    input_channels: int | None = None
    output_channels: int | None = None
    scale: int | None = None
    size_multiple: int | None = None
    """Height and width are padded to a multiple of this."""
    fingerprint: str
    """Of the weights whatever their wrapping: see `restoration_models.fingerprint`."""
    measured: Measured | None = None
    not_measured: str | None = None
    """Why there are no figures."""

    @model_validator(mode="after")
    def _figures_or_a_reason(self) -> Self:
        if (self.measured is None) == (self.not_measured is None):
            raise ValueError("either 'measured' or 'not-measured' must be there")
        return self

    def to_json(self) -> str:
        """Return the file's text: sorted keys, one line a value, absent facts left out."""
        content: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the report: complete under its name or not at all."""
        write_text(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a report. Raises `UnreadableReport`; a missing file raises `FileNotFoundError`."""
        try:
            report = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            reason = f"{place}: {first['msg']}" if place else str(first["msg"])
            raise UnreadableReport(path, reason.splitlines()[0]) from error
        if report.schema_ != SCHEMA:
            raise UnreadableReport(path, f"its schema is {report.schema_}, this program reads {SCHEMA}")
        return report
