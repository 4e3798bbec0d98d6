"""Where a checkpoint can be fetched from: addresses understood, one small module a kind."""

from restoration_models.sources.base import Source, SourceProblem, SourceRefused, WebSource
from restoration_models.sources.file import FileSource
from restoration_models.sources.gdrive import GdriveSource
from restoration_models.sources.github import GithubSource
from restoration_models.sources.https import HttpsSource
from restoration_models.sources.huggingface import HuggingFaceSource
from restoration_models.sources.pypi import PypiSource
from restoration_models.sources.registry import KINDS, parse

__all__ = [
    "KINDS",
    "FileSource",
    "GdriveSource",
    "GithubSource",
    "HttpsSource",
    "HuggingFaceSource",
    "PypiSource",
    "Source",
    "SourceProblem",
    "SourceRefused",
    "WebSource",
    "parse",
]
