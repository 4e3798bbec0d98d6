"""Where in a file something stands, for messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER

_KEY = re.compile(r"[ \t]+[\"']?([A-Za-z0-9._@-]+)[\"']?[ \t]*:")


@dataclass(frozen=True, slots=True)
class Places:
    """Finds lines in the files as the tree has them."""

    contents: Mapping[str, bytes]
    _texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _keys: dict[str, dict[str, int]] = field(default_factory=dict, compare=False, repr=False)
    """First line of each indented key, by file: a catalogue may have a thousand of them."""

    def line(self, file: str, pattern: str) -> int:
        """The first line of `file` that begins with `pattern` (a regular expression); 0 for none."""
        text = self._text(file)
        found = re.search(rf"^{pattern}", text, re.MULTILINE)
        return text.count("\n", 0, found.start()) + 1 if found else 0

    def entry(self, layer: str, slug: str) -> tuple[str, int]:
        """The params file of `layer` and the line of the entry `slug` in it."""
        file = f"{LAYERS_FOLDER}/{layer}/{CATALOGUE_FILE}"
        return file, self._key(file, slug)

    def stage(self, file: str, name: str) -> int:
        """The line of the stage `name` in the lock `file`."""
        return self._key(file, name)

    def _text(self, file: str) -> str:
        if file not in self._texts:
            self._texts[file] = self.contents.get(file, b"").decode("utf-8", "replace")
        return self._texts[file]

    def _key(self, file: str, name: str) -> int:
        if file not in self._keys:
            keys: dict[str, int] = {}
            for number, line in enumerate(self._text(file).split("\n"), start=1):
                if found := _KEY.match(line):
                    keys.setdefault(found[1], number)
            self._keys[file] = keys
        return self._keys[file].get(name, 0)
