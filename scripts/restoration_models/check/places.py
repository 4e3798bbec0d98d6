"""Where in a file something stands, for messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER


@dataclass(frozen=True, slots=True)
class Places:
    """Finds lines in the files as the tree has them."""

    contents: Mapping[str, bytes]

    def line(self, file: str, pattern: str) -> int:
        """The first line of `file` that begins with `pattern` (a regular expression); 0 for none."""
        text = self.contents.get(file, b"").decode("utf-8", "replace")
        found = re.search(rf"^{pattern}", text, re.MULTILINE)
        return text.count("\n", 0, found.start()) + 1 if found else 0

    def entry(self, layer: str, slug: str) -> tuple[str, int]:
        """The params file of `layer` and the line of the entry `slug` in it."""
        file = f"{LAYERS_FOLDER}/{layer}/{CATALOGUE_FILE}"
        return file, self.line(file, rf"[ \t]+[\"']?{re.escape(slug)}[\"']?[ \t]*:")

    def stage(self, file: str, name: str) -> int:
        """The line of the stage `name` in the lock `file`."""
        return self.line(file, rf"[ \t]+[\"']?{re.escape(name)}[\"']?[ \t]*:")
