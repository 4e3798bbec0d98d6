"""Cards as they are published: the same text, its links between published names.

A card links the files of the repository. In the bucket a link leads to the published name of that
file; what is not published is named without a link.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

_THUMBNAIL = re.compile(
    r'<a href="(?P<page>[^"]*)">(?P<open><img src=")(?P<picture>[^"]*)(?P<rest>"[^>]*>)</a>'
)
_LINK = re.compile(r"(?P<bang>!?)\[(?P<label>(?:[^\[\]\\]|\\.)*)\]\((?P<target>[^()<>\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```[ ]*$)", re.MULTILINE | re.DOTALL)


def published(text: str, path: str, names: Mapping[str, str]) -> str:
    """The card at `path` (from the repository's root) as it stands under its published name.

    `names` maps paths of the repository to published names, `path` among them.
    """
    page = _Page(posixpath.dirname(path), posixpath.dirname(names[path]), names)
    parts = _FENCE.split(text)  # every second one is a block of code
    return "".join(part if index % 2 else page.relinked(part) for index, part in enumerate(parts))


class _Page:
    def __init__(self, folder: str, place: str, names: Mapping[str, str]) -> None:
        self.folder = folder
        self.place = place
        self.names = names

    def relinked(self, text: str) -> str:
        return _LINK.sub(self._link, _THUMBNAIL.sub(self._thumbnail, text))

    def _target(self, target: str) -> str | None:
        """Where a link to a file of the repository leads; None where that is not published."""
        key = self.names.get(posixpath.normpath(posixpath.join(self.folder, unquote(target))))
        return None if key is None else quote(posixpath.relpath(key, self.place))

    def _link(self, match: re.Match[str]) -> str:
        target = match["target"]
        if "://" in target or target.startswith(("#", "mailto:")):
            return match[0]
        found = self._target(target)
        return match["label"] if found is None else f"{match['bang']}[{match['label']}]({found})"

    def _thumbnail(self, match: re.Match[str]) -> str:
        page, picture = self._target(match["page"]), self._target(match["picture"])
        if picture is None:
            return ""
        shown = f"{match['open']}{picture}{match['rest']}"
        return shown if page is None else f'<a href="{page}">{shown}</a>'
