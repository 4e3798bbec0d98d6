"""The local cache of checkpoints that came from elsewhere, named by sha256.

It is an inbox of the downloader (`restoration_models.download`), kept outside any project: one
process fetches a file while others wait, what was cut off is resumed, and a name holds a whole,
proved file or nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "RESTORATION_MODELS_CACHE"
"""Environment variable that names another folder."""


def cache_folder() -> Path:
    """Return where this user's checkpoints are cached: `VARIABLE`, else the platform's cache folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        stated = os.environ.get("XDG_CACHE_HOME", "")
        # A relative value is to be ignored, says the specification of these folders.
        base = Path(stated) if Path(stated).is_absolute() else Path.home() / ".cache"
    return base / "restoration-models" / "checkpoints"
