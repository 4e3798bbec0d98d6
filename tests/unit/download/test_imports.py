from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_planning_needs_no_network_library() -> None:
    """Catalogue checks parse sources and plan; only a download pays for what downloads."""
    code = (
        "import sys, restoration_models.download, restoration_models.sources\n"
        "heavy = {'requests', 'urllib3', 'gdown', 'dvc', 'torch', 'rich', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    scripts = str(Path(__file__).parents[3] / "scripts")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": scripts}
    )
    assert done.stdout == "[]\n"
