"""Which names a pickle may mention, and what it may do with each."""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from restoration_models.errors import ModelProblem
from restoration_models.scan.verdicts import shown


class Role(enum.Enum):
    """What a name is good for."""

    CALL = enum.auto()
    """REDUCE may call it, with arguments that `calls` checks one by one."""
    STORAGE = enum.auto()
    """The kind of a storage, inside a persistent id; never called."""
    DTYPE = enum.auto()
    """A plain value, such as ``torch.float32``; never called."""
    REVIEWED = enum.auto()
    """Allowed by the catalogue entry after a person's review: may be called and built."""


class Numbers(enum.Enum):
    """What the elements of a tensor are; torch gives a gradient to some and a conjugate to few."""

    WHOLE = enum.auto()
    """Truth values too."""
    REAL = enum.auto()
    COMPLEX = enum.auto()


@dataclass(frozen=True, slots=True)
class Allowed:
    """One allow-listed name."""

    role: Role
    item_size: int = 0
    """Bytes of one element, for storages and dtypes."""
    numbers: Numbers = Numbers.WHOLE
    """For storages and dtypes."""


# Bytes and kind of an element of each storage class that torch.save writes. Quantised storages
# (QInt8Storage and the like) are left out: no state dict of the pipeline has them.
_STORAGES: Final = {
    "torch.BFloat16Storage": (2, Numbers.REAL),
    "torch.BoolStorage": (1, Numbers.WHOLE),
    "torch.ByteStorage": (1, Numbers.WHOLE),
    "torch.CharStorage": (1, Numbers.WHOLE),
    "torch.ComplexDoubleStorage": (16, Numbers.COMPLEX),
    "torch.ComplexFloatStorage": (8, Numbers.COMPLEX),
    "torch.DoubleStorage": (8, Numbers.REAL),
    "torch.FloatStorage": (4, Numbers.REAL),
    "torch.HalfStorage": (2, Numbers.REAL),
    "torch.IntStorage": (4, Numbers.WHOLE),
    "torch.LongStorage": (8, Numbers.WHOLE),
    "torch.ShortStorage": (2, Numbers.WHOLE),
    # Raw bytes: what tensors of the newer dtypes (uint16, float8) stand on.
    "torch.storage.UntypedStorage": (1, Numbers.WHOLE),
}

# Plain values. They appear as the dtype of _rebuild_tensor_v3 and as settings in a checkpoint.
_DTYPES: Final = {
    "torch.bfloat16": (2, Numbers.REAL),
    "torch.bool": (1, Numbers.WHOLE),
    "torch.complex128": (16, Numbers.COMPLEX),
    "torch.complex32": (4, Numbers.COMPLEX),
    "torch.complex64": (8, Numbers.COMPLEX),
    "torch.float16": (2, Numbers.REAL),
    "torch.float32": (4, Numbers.REAL),
    "torch.float64": (8, Numbers.REAL),
    "torch.float8_e4m3fn": (1, Numbers.REAL),
    "torch.float8_e4m3fnuz": (1, Numbers.REAL),
    "torch.float8_e5m2": (1, Numbers.REAL),
    "torch.float8_e5m2fnuz": (1, Numbers.REAL),
    "torch.float8_e8m0fnu": (1, Numbers.REAL),
    "torch.int16": (2, Numbers.WHOLE),
    "torch.int32": (4, Numbers.WHOLE),
    "torch.int64": (8, Numbers.WHOLE),
    "torch.int8": (1, Numbers.WHOLE),
    "torch.uint16": (2, Numbers.WHOLE),
    "torch.uint32": (4, Numbers.WHOLE),
    "torch.uint64": (8, Numbers.WHOLE),
    "torch.uint8": (1, Numbers.WHOLE),
}

_CALLS: Final = (
    # The state dict itself, its _metadata, and the empty hooks of every tensor.
    "collections.OrderedDict",
    # Every tensor since torch 0.4.
    "torch._utils._rebuild_tensor_v2",
    # Tensors of dtypes that have no storage class of their own (uint16, float8, complex32).
    "torch._utils._rebuild_tensor_v3",
    # torch.nn.Parameter, where a state dict was saved with keep_vars or as a plain dict.
    "torch._utils._rebuild_parameter",
    # A shape kept beside the weights.
    "torch.Size",
    # A device name kept beside the weights; a name only, nothing is moved there.
    "torch.device",
)

# What torch's restricted loader knows besides and this list leaves out, because no plain state
# dict needs it: _codecs.encode and builtins.bytearray (bytes), builtins.set and .complex,
# collections.Counter (schedulers), _rebuild_parameter_with_state and _rebuild_from_type_v2 (they
# set attributes named by the file), _rebuild_wrapper_subclass, _rebuild_qtensor (quantised),
# _rebuild_sparse_tensor, _rebuild_meta_tensor_no_storage and the device tensors (no data in the
# file), torch.Tensor and the legacy tensor classes (uninitialised memory), TypedStorage.
# A catalogue entry can allow one after review.

ALLOWED: Final[Mapping[str, Allowed]] = MappingProxyType(
    {name: Allowed(Role.CALL) for name in _CALLS}
    | {name: Allowed(Role.STORAGE, *element) for name, element in _STORAGES.items()}
    | {name: Allowed(Role.DTYPE, *element) for name, element in _DTYPES.items()}
)
"""Dotted name -> what it may do, for every checkpoint."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)

# What an entry may allow at all. This is a second lock on a reviewed door, not the boundary: the
# boundary is that everything unnamed is refused.
_VALUES_OF_THE_LIBRARY: Final = frozenset(
    {
        "_codecs.encode",
        "argparse.Namespace",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.frozenset",
        "builtins.set",
        "builtins.slice",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "types.SimpleNamespace",
        "uuid.UUID",
    }
)
"""All of Python's standard library that an entry may allow: types that only hold values."""
_RUNS_CODE: Final = frozenset(
    {"__main__", "cffi", "cloudpickle", "dill", "distutils", "imp", "joblib", "pip", "setuptools", "wheel"}
)
_TORCH_VALUES: Final = frozenset({"_tensor", "_utils", "nn", "optim", "sparse", "storage"})
"""Modules of torch below which an entry may allow names; torch's own top-level classes besides."""


class ForbiddenAllowance(ModelProblem):
    """A catalogue entry allows a name that no checkpoint may mention."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"allow-globals names {shown(name, 120)}: {why}",
            remedy="remove it from the catalogue entry; a checkpoint that needs it must be converted",
        )


def allowed_names(extra: Collection[str] = ()) -> Mapping[str, Allowed]:
    """Return the allow-list with a model's reviewed additions.

    Raises `ForbiddenAllowance` for an addition that is no dotted name or can run code by nature.
    """
    if not extra:
        return ALLOWED
    reviewed: dict[str, Allowed] = {}
    for name in extra:
        parts = name.split(".")
        if len(parts) < 2 or not all(is_identifier(part) for part in parts):
            raise ForbiddenAllowance(name, "a dotted name such as 'collections.Counter' is expected")
        if not _may_be_reviewed(name, parts):
            raise ForbiddenAllowance(name, f"nothing like it in {parts[0]} is ever allowed")
        reviewed[name] = Allowed(Role.REVIEWED)
    # A built-in entry keeps its checks even where the catalogue repeats its name.
    return MappingProxyType(reviewed | dict(ALLOWED))


def _may_be_reviewed(name: str, parts: list[str]) -> bool:
    if name in ALLOWED:
        return True
    if parts[0] == "torch":
        # torch.Tensor and the like begin with a capital; torch.load and torch.hub do not.
        return parts[1] in _TORCH_VALUES or (len(parts) == 2 and parts[1][0].isupper())
    if parts[0] in sys.stdlib_module_names or parts[0] == "builtins":
        return name in _VALUES_OF_THE_LIBRARY
    return parts[0] not in _RUNS_CODE


def is_identifier(text: str) -> bool:
    """Return whether `text` is a short ASCII identifier."""
    return _NAME.fullmatch(text) is not None
