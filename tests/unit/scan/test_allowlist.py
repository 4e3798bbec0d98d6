"""The allow-list, and what a catalogue entry may add to it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from restoration_models.scan import ALLOWED, ForbiddenAllowance, UnsafeCheckpoint, scan
from support.hostile_parts import glob, proto, tensor, text, torch_zip

FORBIDDEN = [
    "os.system",
    "posix.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.getattr",
    "builtins.open",
    "sys.exit",
    "importlib.import_module",
    "functools.partial",
    "operator.attrgetter",
    "pickle.loads",
    "pathlib.Path",
    "shutil.rmtree",
    "collections.namedtuple",
    "codecs.encode",
    "types.FunctionType",
    "copyreg._reconstructor",
    "runpy.run_path",
    "torch.load",
    "torch.hub.load",
    "torch.serialization.load",
    "torch.jit.load",
    "torch.utils.cpp_extension.load",
    "torch.compile",
    "torch.ops.load_library",
    "torch._dynamo.config",
    "dill.loads",
    "joblib.load",
    "__main__.Model",
]


def test_reviewed_name_passes_only_where_the_entry_allows_it() -> None:
    body = (
        b"}(" + text("steps") + glob("collections", "Counter") + b"}\x85R" + text("weight") + tensor() + b"u"
    )
    data = torch_zip(proto(body))
    with pytest.raises(UnsafeCheckpoint, match=r"imports collections\.Counter"):
        scan(io.BytesIO(data))
    report = scan(io.BytesIO(data), allow_globals=["collections.Counter"])
    assert "collections.Counter" in report.globals


def test_python_2_spelling_of_a_reviewed_name() -> None:
    body = b"}(" + text("s") + glob("__builtin__", "set") + b"]\x85R" + text("w") + tensor() + b"u"
    report = scan(io.BytesIO(torch_zip(proto(body))), allow_globals=["builtins.set"])
    assert "builtins.set" in report.globals


@pytest.mark.parametrize("name", FORBIDDEN)
def test_dangerous_names_cannot_be_allowed(name: str) -> None:
    with pytest.raises(ForbiddenAllowance, match="is ever allowed"):
        scan(io.BytesIO(torch_zip()), allow_globals=[name])


@pytest.mark.parametrize(
    "name", ["Counter", "", "collections.", "a..b", "a b.c", "collections.Counter;x", "ä.b"]
)
def test_names_must_be_dotted(name: str) -> None:
    with pytest.raises(ForbiddenAllowance, match="dotted name"):
        scan(io.BytesIO(torch_zip()), allow_globals=[name])


def test_allowing_a_built_in_name_does_not_loosen_its_checks() -> None:
    data = torch_zip(proto(tensor(size=(1 << 40,))))
    with pytest.raises(UnsafeCheckpoint, match="has 16"):
        scan(io.BytesIO(data), allow_globals=["torch._utils._rebuild_tensor_v2"])


def test_torch_knows_every_name_of_the_list(tmp_path: Path) -> None:
    """A name that torch's restricted loader refuses would be a promise that loading breaks."""
    unpickler = pytest.importorskip("torch._weights_only_unpickler")
    assert set(ALLOWED) <= set(unpickler._get_allowed_globals())


def test_item_sizes_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    for name, allowed in ALLOWED.items():
        short = name.removeprefix("torch.")
        if name.endswith("Storage") and name != "torch.storage.UntypedStorage":
            dtype = torch.storage._get_dtype_from_pickle_storage_type(short)
            assert allowed.item_size == dtype.itemsize, name
        elif allowed.item_size and not name.endswith("Storage"):
            assert allowed.item_size == getattr(torch, short).itemsize, name


def test_list_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ALLOWED["os.system"] = ALLOWED["torch.Size"]  # type: ignore[index]
