"""The kinds of source, and which of them an address belongs to."""

from __future__ import annotations

from restoration_models.credentials import decoded, kind_of
from restoration_models.sources import file, pypi
from restoration_models.sources.address import REMEDY, split
from restoration_models.sources.base import Source, SourceProblem, WebSource
from restoration_models.sources.file import FileSource
from restoration_models.sources.gdrive import GdriveSource
from restoration_models.sources.github import GithubSource
from restoration_models.sources.https import HttpsSource
from restoration_models.sources.huggingface import HuggingFaceSource
from restoration_models.sources.pypi import PypiSource

# The first that claims an address has it; HttpsSource claims what is left.
WEB_KINDS: tuple[type[GithubSource | HuggingFaceSource | GdriveSource | HttpsSource], ...] = (
    GithubSource,
    HuggingFaceSource,
    GdriveSource,
    HttpsSource,
)
KINDS: tuple[type[Source], ...] = (*WEB_KINDS, PypiSource, FileSource)


def parse(address: str) -> Source:
    """Return the source that `address` names.

    Raises `SourceProblem` where the address has no known form, is a page instead of a
    file, is unencrypted, or carries a credential. Touches neither network nor disk.
    """
    if token := kind_of(decoded(address)):
        raise SourceProblem(address, f"carries a credential ({token})", REMEDY)
    scheme = address.partition(":")[0]
    if scheme + ":" == pypi.SCHEME:
        return PypiSource.read(address)
    if scheme + ":" == file.SCHEME:
        return FileSource.read(address)
    if scheme not in ("https", "http") or not address.startswith(scheme + "://"):
        raise SourceProblem(
            address, "is no address that can be downloaded", "expected https://, pypi: or file:"
        )
    web = split(address)
    kind: type[WebSource]
    for kind in WEB_KINDS:
        if kind.claims(web):
            return kind.read(web)
    raise SourceProblem(address, "belongs to no kind of source")
