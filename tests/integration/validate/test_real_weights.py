"""UVDoc's published weights, and networks of the published sizes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from restoration_models.validate import validate
from support.checkpoints import PARAMETERS, REAL_UVDOC, entry, full_size, uvdoc_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from support.checkpoints import Family

FINGERPRINT = "d147f37a2eec6fa1914dbabf85f84194e7e3dbbb43748a8c229646cdb86c9374"
"""Of UVDoc's published weights: the same in whatever container they come."""


def real_entry(**changes: Any) -> Any:
    facts = {"parameters": PARAMETERS["uvdoc"], "tensors": 304, **changes}
    return entry("uvdoc", uvdoc_checkpoint(), "document-unwarping", expects={"input_channels": 3}, **facts)


def test_published_weights_load_strictly_and_flatten_the_page() -> None:
    """The network written here is the one the weights were trained in, or it would flatten nothing."""
    model = real_entry()
    assert (model.size, model.sha256, model.md5) == (
        REAL_UVDOC["size"],
        REAL_UVDOC["sha256"],
        REAL_UVDOC["md5"],
    )
    report = validate(model, uvdoc_checkpoint(), protocol=1).report
    assert report.fingerprint == FINGERPRINT
    assert report.dtypes == {"float32": 259, "int64": 45}
    assert report.scan.globals == (
        "collections.OrderedDict",
        "torch.FloatStorage",
        "torch.LongStorage",
        "torch._utils._rebuild_tensor_v2",
    )
    measured = report.measured
    assert measured is not None
    assert measured.grid_error_before is not None
    assert measured.grid_error_after is not None
    # Measured: 56.7 before, 4.6 after. Zero padding in the heads, or other dilation rates,
    # leave 37 and more: a tenth is missed by every wrong network that was tried.
    assert measured.grid_error_after < measured.grid_error_before / 10
    assert measured.grid_marks_found == 45
    assert measured.gain_db > 6


PROGRAM = """
import sys
from pathlib import Path
from restoration_models.catalogue import Model
from restoration_models.validate import validate
model = Model.model_validate_json(sys.argv[1])
sys.stdout.write(validate(model, Path(sys.argv[2]), protocol=1).report.to_json())
"""


def test_report_is_the_same_in_other_processes() -> None:
    """However many threads compute, and wherever hashes are seeded."""
    texts = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", PROGRAM, real_entry().model_dump_json(), str(uvdoc_checkpoint())]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stderr == ""
        texts.add(done.stdout)
    assert len(texts) == 1


@pytest.mark.parametrize(("family", "task"), [("restormer", "deraining"), ("nafnet", "denoising-real")])
def test_published_sizes(tmp_path: Path, family: Family, task: str) -> None:
    """Random weights of the published size have the published number of parameters and run."""
    path = full_size(family, tmp_path / "model.pth", seed=1)
    report = validate(entry(family, path, task, parameters=PARAMETERS[family]), path, protocol=1).report
    assert report.parameters == PARAMETERS[family]
    assert all(report.verified.model_dump().values())
