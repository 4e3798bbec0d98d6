"""Checkpoints and other large files in git, where they would stay in every clone for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from restoration_models.errors import Problem
from restoration_models.project import LAYERS_FOLDER
from restoration_models.revision import Blob
from restoration_models.scan.signatures import HEAD, recognised

LARGEST = 1_000_000
"""Bytes of a file that is no text; a before/after picture has a tenth of it."""
FIXTURE = 100_000
"""Bytes that a test's own small checkpoint may have."""
LARGEST_TEXT = 8_000_000
"""As the catalogue's loader has it."""

ALLOWED = re.compile(
    r"layers/(\.gitkeep|[^/]+/(params\.yaml|dvc\.yaml|dvc\.lock|README\.md|\.gitignore"
    r"|reports/(\.gitkeep|\.gitignore|[^/]+\.json)|[^/]+/(README\.md|sample\.png|\.gitignore)))"
)
EXTENSIONS = re.compile(
    r"\.(pth|pt|ckpt|safetensors|onnx|gguf|tflite|h5|hdf5|pkl|pickle|pdparams|npz)$", re.I
)
TEXT = re.compile(r"\.(ya?ml|json|lock|md|txt|svg|csv|py|sh|toml|ini|cfg|ipynb)$", re.I)
PICTURE = re.compile(r"layers/[^/]+/[^/]+/sample\.png")
_PNG = b"\x89PNG\r\n\x1a\n"
_TORCH_ZIP = re.compile(
    rb"PK\x03\x04.{26}[^/]{0,200}/(data\.pkl|\.format_version|\.storage_alignment|byteorder)", re.S
)
_TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
_PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|\}|\]|c[a-z_.]+\n|\x8c)", re.S)
_SAFETENSORS = re.compile(rb".{4}\0{4}\{\s*\"", re.S)

REMEDY = "`git rm --cached` it; DVC keeps checkpoints (`models add`), and git's history of them never shrinks"
ASIDE = "move it out of the repository; `models add FILE` enters a checkpoint, and DVC keeps it"
AMEND = "take it out of the branch's history too (`git rebase`), then push the branch again"


def committed(blobs: Iterable[Blob], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """A problem for each of `blobs` that git is not to keep; `contents` need not hold the large ones."""
    for blob in blobs:
        what = _fault(blob, contents.get(blob.path))
        if what is None:
            continue
        if blob.commit:
            yield Problem(blob.path, 0, f"commit {blob.commit[:12]}", what, AMEND)
        else:
            yield Problem(blob.path, 0, "", what, REMEDY if blob.tracked else ASIDE)


def _fault(blob: Blob, content: bytes | None) -> str | None:
    # `git add` takes what git neither has nor ignores.
    place = "is committed to git" if blob.tracked else "is where git would take it"
    inside = blob.path.startswith(f"{LAYERS_FOLDER}/")
    if not blob.regular:
        return "a link or a submodule, where only files may be" if inside else None
    head = content[:HEAD] if content is not None else b""
    kind = is_checkpoint(head)
    if inside and not ALLOWED.fullmatch(blob.path):
        if kind or EXTENSIONS.search(blob.path) or blob.size > LARGEST:
            return f"a checkpoint {place} ({_size(blob)})"
        return None if blob.commit else "a file that is no part of a layer"
    if inside and PICTURE.fullmatch(blob.path) and content is not None and not head.startswith(_PNG):
        return "not a PNG picture, whatever its name says"
    fixture = blob.path.startswith("tests/") and blob.size <= FIXTURE
    if (kind or EXTENSIONS.search(blob.path)) and not fixture:
        return f"a checkpoint {place} ({_size(blob)})"
    limit = LARGEST_TEXT if TEXT.search(blob.path) else LARGEST
    if blob.size > limit:
        return f"a file of {_size(blob)} {place}, more than {limit // 1_000_000} MB"
    return None


def is_checkpoint(head: bytes) -> bool:
    """Whether a file that begins with `head` is weights, going by its container."""
    if (
        _TORCH_ZIP.match(head)
        or head.startswith(_TORCH_LEGACY)
        or _SAFETENSORS.match(head)
        or _PICKLE.match(head)
    ):
        return True
    kind = recognised(head, certain=True)
    return kind is not None and ("HDF5" in kind.what or "GGUF" in kind.what)


def _size(blob: Blob) -> str:
    return f"{blob.size / 1_000_000:.1f} MB" if blob.size >= 100_000 else f"{blob.size} bytes"
