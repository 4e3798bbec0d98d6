"""DVC's command line, with rarer looks for garbage: ``python -m restoration_models.dvc_cli repro``.

DVC makes hundreds of thousands of objects while it reads the pipeline, and keeps them. Looking
through them again and again takes a fifth of its time at 200 models.
"""

from __future__ import annotations

import gc
import sys

from restoration_models.failures import enlist
from restoration_models.project import Project

SELDOM = 200_000
"""New objects between two looks."""


def main() -> int:
    """Run ``dvc`` with the process's arguments; its exit status."""
    gc.set_threshold(SELDOM)
    enlist(Project.find())
    from dvc.cli import main as dvc

    status: int = dvc(sys.argv[1:])
    # Else all of them are looked at once more at the end.
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(main())
