"""The files by which DVC is steered, as the project ships them.

A pipeline's commands run on every machine that calls ``dvc repro``, so checks compare the
repository's copies with these, and read an unknown branch's data by these alone.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def root_pipeline() -> str:
    """The text of the root's ``dvc.yaml``: the cards of every layer."""
    return _text("root-pipeline.yaml")


@lru_cache(maxsize=1)
def layer_pipeline() -> str:
    """The text of every layer's ``dvc.yaml``: download and validation of its models."""
    return _text("layer-pipeline.yaml")


@lru_cache(maxsize=1)
def dvc_config() -> str:
    """The text of ``.dvc/config``; a team writes its own server's address into its copy."""
    return _text("dvc-config.ini")


@lru_cache(maxsize=1)
def dvc_ignore() -> str:
    """The text of ``.dvcignore``: the folders that DVC does not look into."""
    return _text("dvcignore.txt")


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
