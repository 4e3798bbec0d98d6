"""Checkpoints that want to do harm, or to be two things at once; each made here, byte by byte.

Every payload is ``os.mkdir(<canary>)``: harmless, and its folder tells whether it ever ran.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from support.hostile_containers import containers, headers, legacies, zip_structure, zips
from support.hostile_parts import (
    BENIGN,
    WEIGHTS,
    Case,
    archive,
    device,
    flags,
    glob,
    members,
    number,
    parameter,
    proto,
    state,
    storage,
    tensor,
    text,
    torch_zip,
    unreadable,
    unsafe,
)


def cases(canary: Path) -> list[Case]:
    """Return every hostile file; each would make the folder `canary` if its payload ran."""
    groups = (imports, calls, limits, tensors, zips, zip_structure, legacies, headers, containers)
    return [case for group in groups for case in group(str(canary))]


def framed(body: bytes) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


def imports(canary: str) -> Iterator[Case]:
    path = text(canary)
    run = glob("os", "mkdir") + path + b"\x85R"
    # Five more bytes that say the same: a name built up and kept under another memo index.
    split = text("mkdir") + b"q\x01" + text("os") + b"q\x020" + b"0h\x02h\x01\x93" + path + b"\x85R"
    swapped = (
        text("collections")
        + b"q\x00"
        + text("os")
        + b"q\x0000h\x00"
        + text("mkdir")
        + b"\x93"
        + path
        + b"\x85R"
    )
    quoted = b"(S'" + canary.encode() + b"'\n"
    spellings = {
        "global": proto(run),
        "stack-global": proto(text("os") + text("mkdir") + b"\x93" + path + b"\x85R", 4),
        "stack-global-short": proto(b"\x8c\x02os\x8c\x05mkdir\x93" + path + b"\x85R", 4),
        "stack-global-through-memo": proto(split, 4),
        "stack-global-memo-overwritten": proto(swapped, 4),
        "stack-global-memoize": proto(
            text("os") + b"\x94" + text("mkdir") + b"\x940h\x00h\x01\x93" + path + b"\x85R", 4
        ),
        "stack-global-framed": framed(text("os") + text("mkdir") + b"\x93" + path + b"\x85R."),
        "inst": quoted + b"ios\nmkdir\n.",
        "obj": b"(cos\nmkdir\nS'" + canary.encode() + b"'\no.",
        "protocol-0": b"cos\nmkdir\n" + quoted + b"tR.",
        "after-plain-values": proto(b"}" + text("a") + b"K\x01s0" + run),
        "inside-a-dropped-value": proto(run + b"0}"),
    }
    for name, pickle in spellings.items():
        yield unsafe(
            f"pickle-{name}", torch_zip(pickle), "imports os.mkdir, which is not on the allow-list", pickle
        )
    yield unsafe("pickle-below-state-dict", torch_zip(state(run)), "imports os.mkdir", proto(run))
    yield unsafe("bare-pickle", proto(run), "imports os.mkdir", proto(run))
    yield unsafe(
        "bare-pickle-protocol-0", spellings["protocol-0"], "imports os.mkdir", spellings["protocol-0"]
    )
    others = {
        "builtin-eval": (glob("builtins", "eval"), "imports builtins.eval"),
        "python-2-eval": (glob("__builtin__", "eval"), "imports builtins.eval"),
        "renamed-module": (glob("UserDict", "OrderedDict"), "imports UserDict.OrderedDict"),
        "torch-itself": (glob("torch.hub", "load"), "imports torch.hub.load"),
        "attribute-walk": (glob("torch", "_utils._rebuild_tensor_v2"), "no ordinary name"),
        "carriage-return": (b"cos\r\nmkdir\n", "no ordinary name"),
        "homoglyph": (glob("οs", "mkdir"), "no ordinary name"),  # noqa: RUF001
        "control-characters": (glob("o\x1b[2Js", "mkdir"), r"\x1b[2Js"),
        "empty-name": (glob("", ""), "no ordinary name"),
        "unresolvable": (b"K\x01K\x02\x93", "cannot be resolved"),
        "name-with-escapes": (b"V\\u006fs\nVmkdir\n\x93", "cannot be resolved"),
        "extension-1": (b"\x82\x01", "registry"),
        "extension-2": (b"\x83\x01\x00", "registry"),
        "extension-4": (b"\x84\x01\x00\x00\x00", "registry"),
        "value": (b"}" + text("f") + glob("torch._utils", "_rebuild_tensor_v2") + b"s", "itself as a value"),
    }
    for name, (body, says) in others.items():
        yield unsafe(f"pickle-{name}", torch_zip(proto(body)), says)
    yield unreadable("pickle-bad-utf8-name", torch_zip(proto(b"c\xff\nx\n")), "not valid UTF-8")
    yield unreadable("pickle-endless-name", torch_zip(proto(b"c" + b"a" * 5000 + b"\n")), "no end within")


def calls(canary: str) -> Iterator[Case]:
    ordered = glob("collections", "OrderedDict")
    bodies = {
        "reduce-on-text": (text("os") + b")R", "calls 'os'"),
        "reduce-on-dtype": (glob("torch", "float32") + b")R", "makes an object of torch.float32"),
        "reduce-on-storage-class": (
            glob("torch", "FloatStorage") + b")R",
            "makes an object of torch.FloatStorage",
        ),
        "reduce-twice": (ordered + b")R)R", "calls an OrderedDict"),
        "reduce-without-tuple": (ordered + b"]R", "for arguments"),
        "newobj": (ordered + b")\x81", "makes an object of collections.OrderedDict"),
        "newobj-ex": (ordered + b")}\x92", "makes an object of collections.OrderedDict"),
        "inst-of-allowed": (b"(icollections\nOrderedDict\n", "makes an object of collections.OrderedDict"),
        "build-attributes": (
            ordered + b")R}" + text("items") + text(canary) + b"sb",
            "attributes of an OrderedDict",
        ),
        "build-slots": (ordered + b")R(N}" + text("items") + b"Nstb", "attributes of an OrderedDict"),
        "build-on-dict": (b"}}" + text("_metadata") + ordered + b")Rsb", "puts something into a dict"),
        "build-on-tensor": (tensor() + b"}b", "puts something into a tensor"),
        "append-to-dict": (b"}Na", "puts something into a dict"),
        "setitem-on-list": (b"]NNs", "puts something into a list"),
        "tuple-key": (b"})Ns", "a dict key is a tuple"),
        "numbers-key": (b"}" + number(1 << 61) + b"\x85Ns", "a dict key is a tuple"),
        "real-key": (b"}G" + struct.pack(">d", 2.0**61) + b"Ns", "a dict key is float"),
        "nothing-key": (b"}NNs", "a dict key is NoneType"),
        "bytes-key": (b"}C\x01aNs", "a dict key is a value that is not followed"),
        "far-number-key": (b"}" + number((1 << 32) + 1) + b"Ns", "further from 0"),
        "far-negative-key": (b"}" + number(-(1 << 32) - 1) + b"Ns", "further from 0"),
        "far-number-key-of-ordered-dict": (
            ordered + b"](" + number((1 << 61) - 1) + b"N\x86e\x85R",
            "further from 0",
        ),
        "key-twice": (b"}(" + text("a") + b"N" + text("a") + b"Nu", "twice"),
        "ordered-dict-of-text": (ordered + text("ab") + b"\x85R", "unusual arguments"),
        "device-of-list": (device(b"]"), "unusual arguments"),
        "device-unknown": (device(text("zzz")), "unusual arguments"),
        "device-index-too-large": (device(text("cuda:128")), "unusual arguments"),
        "device-index-spelled-otherwise": (device(text("cuda:01")), "unusual arguments"),
        "device-with-two-indices": (device(text("cuda:1"), number(1)), "unusual arguments"),
        "size-of-text": (glob("torch", "Size") + text("1") + b"\x85R", "unusual arguments"),
        "text-persistent-id": (b"Pstorage\n", "line of text"),
        "persistent-id-number": (b"K\x07Q", "instead of a storage"),
        "persistent-id-module": (b"(" + text("module") + text("x") + b"NNtQ", "a module's source code"),
        "persistent-id-bad-class": (
            b"(" + text("storage") + ordered + text("0") + text("cpu") + b"K\x04tQ",
            "storage class",
        ),
        "persistent-id-path": (storage(key="../../x"), "digits are expected"),
        "persistent-id-negative": (storage(count=-4), "no valid number"),
        "persistent-id-two-sizes": (storage() + storage(count=8) + b"\x86", "declares storage 0"),
        "function-as-hook": (tensor(hooked=ordered), "unusual arguments"),
        "filled-hooks": (tensor(hooked=ordered + b")R" + text("h") + b"Ns"), "unusual arguments"),
        "cycle": (b"}q\x01" + text("me") + b"h\x01s", "puts a dict into itself"),
        "deep-from-the-top": (b"]q\x00]q\x01ah\x01]a", "after it was put into another"),
        "cycle-through-tuple": (b"]q\x01h\x01\x85a", "after it was put into another"),
    }
    for name, (body, says) in bodies.items():
        yield unsafe(f"call-{name}", torch_zip(proto(body)), says)


def limits(canary: str) -> Iterator[Case]:
    run = glob("os", "mkdir") + text(canary) + b"\x85R"
    bodies = {
        "a-million-opcodes": (b"N0" * 500_000 + run, "more than 500000 opcodes"),
        "deep-tuples": (b"N" + b"\x85" * 100_000, "64 deep"),
        "deep-marks": (b"(" * 100_000, "64 marks"),
        "huge-text": (b"X\xff\xff\xff\xff", "4294967295 bytes"),
        "huge-bytes": (b"\x8e" + b"\xff" * 8, "18446744073709551615 bytes"),
        "huge-number": (b"\x8a\xff" + b"\x01" * 255, "255 bytes"),
        "huge-frame": (b"\x95" + b"\xff" * 8, "longer than the file"),
        "memo-bomb": (b"Nr\xff\xff\xff\xff", "4294967295"),
        "memo-negative": (b"Np-1\n", "no plain number"),
        "memo-missing": (b"h\x07", "never written"),
        "empty-stack": (b"0", "empty stack"),
        "no-mark": (b"t", "mark that is not there"),
        "pop-the-mark": (b"(0N", "empty stack"),
        "left-over": (b"NN", "left over"),
        "odd-dict": (b"}(Nu", "without a value"),
        "unknown-opcode": (b"\xf7", "0xf7, which is no opcode"),
        "lone-surrogate": (text("\ud800"), "not valid UTF-8"),
        "protocol-5-buffer": (b"\x97", "NEXT_BUFFER"),
        "protocol-5-readonly": (b"N\x98", "READONLY_BUFFER"),
        "protocol-5-bytearray": (b"\x96" + struct.pack("<Q", 3) + b"abc", "BYTEARRAY8"),
        "second-protocol": (b"\x80\x02N", "second protocol"),
        "bytes": (b"C\x01a", "SHORT_BINBYTES"),
    }
    for name, (body, says) in bodies.items():
        yield unreadable(f"limit-{name}", torch_zip(proto(body)), says)
    yield unreadable("limit-protocol-4", torch_zip(proto(b"}", 4)), "pickle protocol 4")
    yield unreadable("limit-no-protocol", torch_zip(b"}."), "without a protocol number")
    yield unreadable("limit-no-stop", torch_zip(BENIGN[:-1]), "middle of an opcode")
    yield unreadable("limit-empty-pickle", torch_zip(b""), "middle of an opcode")
    yield unsafe("two-pickles", torch_zip(BENIGN + proto(run)), "follow the end of the pickle", proto(run))
    crowd = b"".join(number(at, 4) + b"N" for at in range(20_001))
    yield unsafe("limit-numbers-as-keys", torch_zip(proto(b"}(" + crowd + b"u")), "more than 20000 dict keys")
    spread = b"".join(b"}(" + number(at, 4) + b"Nu" for at in range(20_001))
    yield unsafe(
        "limit-numbers-as-keys-of-dicts", torch_zip(proto(b"(" + spread + b"t")), "more than 20000 dict keys"
    )
    pairs = b"](" + b"".join(b"(" + text(str(at)) + b"Nt" for at in range(1000)) + b"eq\x01"
    copies = (glob("collections", "OrderedDict") + b"h\x01\x85R0") * 1000
    yield unsafe("limit-copied-list", torch_zip(proto(pairs + copies)), "copies more than")


def tensors(canary: str) -> Iterator[Case]:
    del canary
    bodies = {
        "beyond-storage": (tensor(size=(5,)), "has 16"),
        "offset-beyond": (tensor(offset=1), "ends at byte 20"),
        "empty-beyond": (tensor(offset=5, size=(0,)), "ends at byte 20"),
        "stride-beyond": (tensor(size=(2, 2), stride=(3, 1)), "ends at byte 20"),
        "terabytes": (tensor(size=(1 << 40,)), "has 16"),
        "repeated": (tensor(size=(1 << 40,), stride=(0,)), "repeats the 16 bytes"),
        "negative-size": (tensor(size=(-1,)), "unusual arguments"),
        "negative-stride": (tensor(stride=(-1,)), "unusual arguments"),
        "overflow": (tensor(size=(1 << 62, 1 << 62), stride=(1, 1)), "than can be counted"),
        "overflow-before-a-zero": (tensor(size=(1 << 62, 4, 0), stride=(1, 1, 1)), "than can be counted"),
        "overflow-after-a-zero": (tensor(size=(0, 1 << 62, 4), stride=(1, 1, 1)), "than can be counted"),
        "flag-not-set": (tensor(tail=flags("neg", value=b"\x89")), "unusual arguments"),
        "flag-unknown": (tensor(tail=flags("zero")), "unusual arguments"),
        "three-flags": (tensor(tail=flags("neg", "conj", "zero")), "unusual arguments"),
        "parameter-of-storage": (parameter(storage()), "unusual arguments"),
        "parameter-of-dtype": (parameter(glob("torch", "float32")), "unusual arguments"),
        "too-many-dimensions": (tensor(size=(1,) * 40, stride=(1,) * 40), "unusual arguments"),
        "no-storage": (tensor(source=b"N"), "unusual arguments"),
        "on-meta": (tensor(storage().replace(text("cpu"), text("meta"))), "no device with data"),
        "views-of-views": (b"](" + tensor() * 100 + b"e", "add up to 1600 bytes"),
    }
    for name, (body, says) in bodies.items():
        yield unsafe(f"tensor-{name}", torch_zip(proto(body)), says)
    whole = storage(kind="IntStorage")
    real = glob("torch", "float32")
    unloadable = {
        "gradient-of-whole-numbers": (tensor(whole, gradient=True), "has a gradient"),
        "gradient-beside-a-dtype": (tensor(gradient=True, tail=real), "has a gradient"),
        "parameter-of-whole-numbers": (parameter(tensor(whole)), "has a gradient"),
        "parameter-of-parameter": (parameter(parameter(tensor(whole), gradient=False)), "has a gradient"),
        "conjugate-of-real-numbers": (tensor(tail=flags("conj")), "gives to other numbers"),
        "conjugate-beside-a-dtype": (tensor(tail=real + flags("conj")), "gives to other numbers"),
        "negative-of-whole-numbers": (tensor(whole, tail=flags("neg")), "gives to other numbers"),
    }
    for name, (body, says) in unloadable.items():
        yield unreadable(f"tensor-{name}", torch_zip(proto(body)), says)
    yield unsafe("tensor-storage-too-short", torch_zip(weights=WEIGHTS[:8]), "declares 16 bytes")
    yield unsafe("tensor-storage-too-long", torch_zip(weights=WEIGHTS * 2), "declares 16 bytes")
    yield unreadable("tensor-storage-missing", archive(members()[0], members()[2]), "not in the archive")
