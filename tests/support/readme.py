"""The README's steps, taken from it and done as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str

    @property
    def place(self) -> str:
        """The file that the block's first line names; empty for none."""
        found = re.match(r"# ([\w./-]+\.(?:py|yaml))", self.text)
        return found[1] if found else ""

    @property
    def body(self) -> str:
        """The block without the line that names its file."""
        return self.text.split("\n", 1)[1] if self.place else self.text


def section(title: str) -> list[Block]:
    """The blocks of the section `title`, in their order."""
    text = README.read_text(encoding="utf-8")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    titles = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert title in titles, f"README.md has no section {title!r}"
    found = re.findall(r"^```(\w*)\n(.*?)^```$", titles[title], re.MULTILINE | re.DOTALL)
    assert found, f"the section {title!r} has no blocks"
    return [Block(language, body) for language, body in found]


def follow(blocks: list[Block], root: Path, **words: str) -> str:
    """Do what `blocks` say in the checkout at `root`, a placeholder replaced by each of `words`.

    Shell is run; a file is written, or where it is there, the one assignment in it is replaced; a
    part of a params file is put at its end. Returns what the shell printed.
    """
    printed = ""
    for block in blocks:
        path = root / block.place
        if block.language == "sh":
            printed += _shell(block.text, root, words)
        elif block.language == "yaml":
            path.write_text(path.read_text().rstrip("\n") + "\n" + block.body)
        elif path.is_file():
            name = block.body.split(" = ")[0]
            text, count = re.subn(rf"^{name} = .*\n", block.body, path.read_text(), flags=re.MULTILINE)
            assert count == 1, f"{block.place} has no line {name} = …"
            path.write_text(text)
        else:
            path.write_text(block.body)
    return printed


def _shell(text: str, root: Path, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = re.sub(rf"\b{name}\b", f'"${name}"', text)
        assert value
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=root,
        env={**os.environ, **words},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
