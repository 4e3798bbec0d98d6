"""P9: what a 5 GB checkpoint takes of memory: downloading, scanning, hashing it. Publish: rows/store.py."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

from benchmarks import projects
from benchmarks.measure import Contender, run
from benchmarks.origin import serving
from benchmarks.results import Line, alone
from benchmarks.setting import MB, Setting
from restoration_models.download.digests import digests_of

DIGESTS = """
import sys
import zipfile
from pathlib import Path
from restoration_models.checkpoint import opened
with opened(Path(sys.argv[1])) as checkpoint:
    print(checkpoint.digests())
"""


def memory(setting: Setting) -> list[Line]:
    """One large file through every step that reads all of it."""
    size = setting.sized(5_000 * MB, 20 * MB)
    with setting.folder("memory") as folder:
        files = folder / "files"
        files.mkdir()
        path = _checkpoint(files / "large.pth", size)
        found = digests_of(path)
        with serving(files, folder / "nginx") as (uncapped, _):

            def describe(_: int) -> dict[str, Any]:
                source = f"{uncapped}/{path.name}"
                return {"file": path.name, "size": found.size, "sha256": found.sha256, "sources": [source]}

            root = projects.declared(folder / "project", projects.layers_of(1, 1, describe)).root
            steps = [
                ("`models download`", ["models", "download", "model-0"]),
                ("`models scan`", ["models", "scan", str(path)]),
                ("both digests", [sys.executable, "-c", DIGESTS, str(path)]),
            ]
            return [
                alone(
                    "P9",
                    f"{name} of a file of {size / MB / 1000:g} GB",
                    [run(Contender(name, command, root), setting.log)],
                    megabytes=150,
                )
                for name, command in steps
            ]


def _checkpoint(path: Path, size: int) -> Path:
    """A checkpoint of one large tensor of zeros, with the members that torch writes."""
    import torch

    plan = path.with_suffix(".plan")
    with torch.serialization.skip_data():
        torch.save({"params": {"weight": torch.empty(size // 4)}}, plan)
    block = bytes(1 << 20)
    with zipfile.ZipFile(plan) as planned, zipfile.ZipFile(path, "w") as written:
        for member in planned.infolist():
            if member.file_size < len(block):
                written.writestr(member.filename, planned.read(member))
                continue
            with written.open(member.filename, "w", force_zip64=True) as file:
                for at in range(0, member.file_size, len(block)):
                    file.write(block[: member.file_size - at])
    plan.unlink()
    return path


ROWS = {"P9": memory}
