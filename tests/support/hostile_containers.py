"""Hostile containers: zip archives, legacy checkpoints, safetensors, and files of another kind."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from support.hostile_parts import (
    BENIGN,
    MAGIC,
    MAX32,
    WEIGHTS,
    Case,
    Entry,
    archive,
    described,
    first,
    glob,
    hooks,
    legacy,
    legacy_pickle,
    members,
    number,
    proto,
    safetensors,
    state,
    storage,
    tensor,
    text,
    torch_zip,
    unreadable,
    unsafe,
)


def zips(canary: str) -> Iterator[Case]:
    evil = proto(glob("os", "mkdir") + text(canary) + b"\x85R")
    old = b"cos\nmkdir\n(S'" + canary.encode() + b"'\ntR."
    for name in (
        "a/evil.pkl",
        "a/notes.txt",
        "a/data/evil",
        "a/data/7",
        "a/.data/x",
        "b/data.pkl",
        "data.pkl",
        "a/x/data.pkl",
    ):
        yield unsafe(f"zip-pickle-in-{name}", torch_zip(BENIGN, Entry(name, evil)), "imports os.mkdir", evil)
    yield unsafe(
        "zip-pickle-as-version", archive(*members()[:2], Entry("a/version", evil)), "imports os.mkdir", evil
    )
    yield unsafe("zip-protocol-0-in-text", torch_zip(BENIGN, Entry("a/README", old)), "imports os.mkdir", old)
    counted = tensor(storage(kind="ByteStorage", count=len(evil)), size=(len(evil),))
    yield unsafe("zip-pickle-as-tensor", torch_zip(proto(counted), weights=evil), "imports os.mkdir", evil)
    plain = proto(glob("collections", "OrderedDict") + b")R")
    yield unsafe(
        "zip-second-harmless-pickle", torch_zip(BENIGN, Entry("a/more", plain)), "where none belongs"
    )
    yield unsafe(
        "zip-nested", torch_zip(BENIGN, Entry("a/data/1", torch_zip(evil))), "is a zip archive", evil
    )
    yield unsafe(
        "zip-nested-tar", torch_zip(BENIGN, Entry("a/inner", tar_file(evil))), "is a tar archive", evil
    )
    yield unsafe("zip-unused-bytes", torch_zip(BENIGN, Entry("a/data/1", WEIGHTS)), "uses these raw bytes")
    yield unsafe("zip-unknown-member", torch_zip(BENIGN, Entry("a/x", WEIGHTS)), "torch does not write")
    yield unsafe(
        "zip-odd-byteorder", torch_zip(BENIGN, Entry("a/byteorder", b"pdp")), "what torch writes there"
    )
    yield unsafe(
        "zip-long-version", archive(*members()[:2], Entry("a/version", b"3" * 999)), "what torch writes there"
    )
    names = {
        "parent": "a/../../x", "absolute": "/etc/x", "drive": "C:/x", "backslash": "a\\x", "dot": "./a/x",
        "folder": "a/data/", "empty-part": "a//x", "control": "a/\x1b[2J", "newline": "a/x\ny",
        "nul": "a/x\0.pkl",
    }  # fmt: skip
    for kind, name in names.items():
        yield unsafe(f"zip-name-{kind}", torch_zip(BENIGN, Entry(name, evil)), "unsafe name", evil)
    yield unsafe("zip-name-long", torch_zip(BENIGN, Entry("a/" + "x" * 300)), "unsafe name")
    yield unsafe("zip-name-no-text", first(local={"name": b"a/\xff"}, central={"name": b"a/\xff"}), "no text")
    yield unsafe(
        "zip-same-name", torch_zip(BENIGN, Entry("a/data.pkl", evil)), "two members of this name", evil
    )
    yield unsafe(
        "zip-same-name-other-case", torch_zip(BENIGN, Entry("a/DATA.PKL", evil)), "two members", evil
    )
    yield unreadable("zip-torchscript", torch_zip(BENIGN, Entry("a/constants.pkl", evil)), "TorchScript")
    yield unreadable("zip-torchscript-code", torch_zip(BENIGN, Entry("a/code/x.py")), "TorchScript")
    yield unreadable("zip-numpy", archive(Entry("weight.npy", b"\x93NUMPY")), "NumPy archive")
    yield unreadable("zip-document", archive(Entry("word/document.xml", b"<x/>")), "no torch checkpoint")
    yield unsafe("zip-document-with-pickle", archive(Entry("word/x.xml", evil)), "imports os.mkdir", evil)


def zip_structure(canary: str) -> Iterator[Case]:
    evil = proto(glob("os", "mkdir") + text(canary) + b"\x85R")
    good = torch_zip()
    yield unreadable("zip-encrypted", first(flags=1), "is encrypted")
    yield unreadable("zip-strongly-encrypted", first(flags=0x40), "is encrypted")
    yield unreadable("zip-masked-headers", first(flags=0x2000), "is encrypted")
    yield unsafe("zip-patch-flag", first(flags=0x20), "unusual flags")
    yield unsafe("zip-local-flag-only", first(local={"flags": 1}), "disagree on how")
    yield unreadable("zip-deflated", first(method=8), "is compressed (method 8)")
    yield unreadable("zip-bomb", first(method=8, data=bytes(1 << 24)), "is compressed (method 8)")
    yield unreadable("zip-unknown-method", first(local={"method": 99}, central={"method": 99}), "method 99")
    yield unsafe("zip-method-only-local", first(local={"method": 8}), "disagree on how")
    yield unreadable("zip-wrong-crc", first(local={"crc": 7}, central={"crc": 7}), "has CRC")
    yield unsafe("zip-crc-disagrees", first(local={"crc": 7}), "disagree on size or CRC")
    yield unsafe("zip-local-zero-size", first(local={"size": 0, "packed": 0}), "disagree on size or CRC")
    yield unsafe("zip-two-sizes", first(central={"size": 4}), "two different sizes")
    yield unsafe("zip-two-names", first(local={"name": b"a/data/1"}), "give two names")
    yield unsafe(
        "zip-version-needed",
        first(central={"needed": 10}, local={"header": 5}, after=b"x"),
        "unaccounted bytes",
    )
    yield unreadable("zip-needs-more", first(central={"needed": 63}), "zip version 63")
    yield unsafe("zip-folder-flag", first(central={"mode": 0x10}), "marked as a folder")
    yield unsafe("zip-volume-label", first(central={"mode": 0x08}), "marked as a folder")
    yield unsafe("zip-link", first(central={"mode": 0o120777 << 16}), "link")
    yield unsafe("zip-same-bytes-twice", overlapping(), "overlaps")
    yield unsafe("zip-points-elsewhere", first(central={"header": 3}), "overlaps what follows")
    yield unsafe("zip-points-outside", first(central={"header": 1 << 20}), "unaccounted bytes")
    yield unsafe(
        "zip-no-local-header", good[:4] + good[4:].replace(b"PK\x03\x04", b"PK\x03\x05"), "is no member"
    )
    name_extra = struct.pack("<2HBL", 0x7075, 8, 1, 0) + b"x/y"
    yield unsafe("zip-unicode-path", first(central={"extra": name_extra}), "extra field 0x7075")
    yield unsafe("zip-extra-cut", first(local={"extra": b"\x01\x00\xff\xff"}), "malformed extra field")
    yield unsafe(
        "zip-extra-payload",
        first(local={"extra": b"FB" + struct.pack("<H", len(evil)) + evil}),
        "does not write",
        evil,
    )
    wide = struct.pack("<2H2Q", 1, 16, 8, 8)
    yield unsafe(
        "zip-zip64-local-lie",
        first(local={"extra": wide, "size": MAX32, "packed": MAX32}),
        "zip64 field disagrees",
    )
    yield unsafe("zip-zip64-unneeded", first(central={"extra": wide}), "does not match its sizes")
    yield unsafe(
        "zip-zip64-missing", first(central={"size": MAX32, "packed": MAX32}), "does not match its sizes"
    )
    yield unsafe("zip-zip64-count-lie", torch_zip(zip64="count"), "two ends disagree")
    yield unsafe("zip-zip64-no-disk", torch_zip(zip64="disks"), "not where it belongs")
    yield unsafe("zip-zip64-locator-lie", torch_zip(zip64="locator"), "not where it belongs")
    yield unsafe(
        "zip-descriptor-missing",
        first(flags=8, local={"crc": 0, "size": 0, "packed": 0}),
        "unaccounted bytes",
    )
    lie = struct.pack("<4s3L", b"PK\x07\x08", 1, 16, 16)
    yield unsafe("zip-descriptor-lie", first(flags=8, after=lie), "descriptor disagree")
    yield unsafe("zip-comment", good[:-2] + struct.pack("<H", len(evil)) + evil, "after its end", evil)
    yield unsafe("zip-data-after", good + evil, "after its end", evil)
    yield unsafe("zip-two-archives", good + torch_zip(evil), "does not end where", evil)
    yield unsafe("zip-two-directories", good + good[good.index(b"PK\x01\x02") :], "does not end where")
    yield unsafe("zip-data-before", archive(*members(), before=b"PK\x03\x04 stub"), "before its first member")
    yield unsafe("zip-gap", torch_zip(gap=evil), "unaccounted bytes", evil)
    yield unsafe("zip-many-disks", torch_zip(end={"disk": 1}), "several parts")
    yield unsafe("zip-too-few-entries", torch_zip(end={"count": 2}), "after its last entry")
    yield unsafe("zip-too-many-entries", torch_zip(end={"count": 9}), "fewer than the 9")
    yield unreadable("zip-no-entries", torch_zip(end={"count": 0}), "0 members")
    yield unreadable("zip-a-million-entries", torch_zip(end={"count": 65535}), "65535 members")
    yield unreadable("zip-huge-directory", torch_zip(end={"size": 1 << 30}), "directory of 1073741824 bytes")
    yield unreadable("zip-truncated", good[: len(good) // 2], "truncated")
    yield unreadable("zip-first-bytes", good[:4], "truncated")


def overlapping() -> bytes:
    """Two entries of the directory that claim the same bytes."""
    entries = members()
    twin = Entry("a/data/0", WEIGHTS, central={"header": 0})
    return archive(entries[0], twin, entries[2])


def legacies(canary: str) -> Iterator[Case]:
    run = glob("os", "mkdir") + text(canary) + b"\x85R"
    evil = proto(run)
    yield unsafe(
        "legacy-object", legacy(state(run).replace(storage(), storage(tail=b"N"))), "imports os.mkdir", evil
    )
    yield unsafe(
        "legacy-system", legacy(system=proto(b"}" + text("x") + run + b"s")), "imports os.mkdir", evil
    )
    harmless = proto(b"}" + text("x") + hooks() + b"s")
    yield unsafe("legacy-system-import", legacy(system=harmless), "where no import belongs")
    yield unsafe("legacy-system-storage", legacy(system=proto(b"NQ")), "where none belongs")
    yield unsafe("legacy-extra-pickle", legacy(before_storages=evil), "elements in the file", evil)
    yield unsafe("legacy-pickle-after", legacy() + evil, "follow the last storage", evil)
    yield unsafe("legacy-count-lie", legacy(count=5), "has 5 elements")
    yield unsafe("legacy-storage-unlisted", legacy(keys=()), "storage list")
    yield unsafe("legacy-storage-twice", legacy(keys=("0", "0")), "storage list")
    yield unsafe("legacy-storage-unknown", legacy(keys=("0", "1")), "storage list")
    view = b"(" + text("1") + number(0) + number(2) + b"t"
    yield unsafe("legacy-view", legacy(legacy_pickle(tail=view)), "view of another")
    yield unsafe("legacy-zip-persistent-id", legacy(BENIGN), "instead of a storage")
    yield unreadable("legacy-protocol", legacy(protocol=7), "protocol other than 1001")
    yield unreadable("legacy-system-list", legacy(system=proto(b"]")), "system that wrote it")
    yield unreadable("legacy-truncated", legacy()[:-3], "truncated")
    yield unreadable("legacy-cut-in-pickle", legacy()[:60], "middle of an opcode")
    yield unreadable("legacy-cut-in-magic", MAGIC[:9], "truncated")
    for name, spelled in CHECKSUMS.items():
        yield unreadable(f"legacy-and-tar-{name}", tar_and_legacy(spelled, evil), "is a tar archive")


CHECKSUMS: dict[str, Callable[[int], bytes]] = {
    "usual": lambda value: b"%06o\0 " % value,
    "spaces": lambda value: b" %6o " % value,
    "all-whitespace": lambda value: b"\x1f\t%o" % value,
    "prefix": lambda value: b"0o%o" % value,
    "capital-prefix": lambda value: b"0O%o" % value,
    "sign": lambda value: b"+%o" % value,
    "underscore": lambda value: b"_".join([b"%o" % (value >> 9), b"%03o" % (value & 0o777)]),
    "junk-behind": lambda value: b"%o\0x" % value,
    "256": lambda value: b"\x80" + value.to_bytes(7, "big"),
}
"""How a number can be written in a tar header, so that Python's tarfile reads it."""


def tar_and_legacy(spelled: Callable[[int], bytes], more: bytes = b"") -> bytes:
    """A legacy checkpoint whose first block is a tar header too: torch asks for that first."""
    # Zeros, because tarfile reads the numbers of the header besides its checksum.
    filling = b"}" + text("x") + text("\0" * 600) + b"s"
    padded = legacy(system=proto(filling))
    block = bytearray(padded[:512])
    block[148:156] = b" " * 8
    block[148:156] = spelled(sum(block)).ljust(8, b"\0")
    return bytes(block) + padded[512:] + more


def headers(canary: str) -> Iterator[Case]:
    del canary
    one = {"weight": described()}
    field = b'"a":' + json.dumps(described()).encode()
    twice = b"{" + field + b"," + field + b"}"
    yield unreadable("safetensors-huge-header", safetensors(one, length=1 << 30), "claims 1073741824 bytes")
    yield unreadable("safetensors-header-beyond", safetensors(one, length=5000), "ends early")
    yield unreadable("safetensors-header-short", safetensors(one, length=20), "no valid JSON")
    yield unreadable("safetensors-deep", safetensors(b'{"a":' + b"[" * 100_000), "nested too deep")
    yield unreadable("safetensors-a-list-too-deep", safetensors(b'{"a":{"shape":[[]]}}'), "nested too deep")
    yield unreadable(
        "safetensors-deep-behind-escapes", safetensors(b'{"a\\\\":{"\\"":[{}]}}'), "nested too deep"
    )
    many = b'{"a":[' + b"0," * 500_000 + b"0]}"
    yield unreadable("safetensors-many-values", safetensors(many), "more than 500000 values")
    yield unreadable(
        "safetensors-many-texts", safetensors(b"{" + b'"' * 2_000_001), "more than 500000 values"
    )
    overflow = {"a": described(shape=(1 << 62, 4, 0), offsets=(0, 0))}
    yield unsafe("safetensors-overflow", safetensors(overflow, b""), "than can be counted")
    yield unreadable("safetensors-not-json", safetensors(b"{nonsense}"), "no valid JSON")
    yield unreadable("safetensors-bad-utf8", safetensors(b'{"\xff":1}'), "no valid JSON")
    yield unreadable("safetensors-half-character", safetensors(b'{"\\ud800":{}}'), "no valid JSON")
    yield unreadable("safetensors-nan", safetensors(b'{"a":NaN}'), "no valid JSON")
    yield unsafe("safetensors-key-twice", safetensors(twice), "key twice")
    yield unreadable("safetensors-dtype", safetensors({"a": described(dtype="OBJECT")}), "unknown dtype")
    yield unreadable("safetensors-extra-field", safetensors({"a": described() | {"code": "x"}}), "alone")
    yield unreadable("safetensors-metadata", safetensors({"__metadata__": {"a": 1}} | one), "table of texts")
    yield unreadable(
        "safetensors-float-offset", safetensors({"a": described(offsets=(0, 16.0))}), "invalid offsets"
    )
    yield unreadable(
        "safetensors-bool-offset", safetensors({"a": described(offsets=(False, 16))}), "invalid offsets"
    )
    yield unreadable("safetensors-negative", safetensors({"a": described(shape=(-4,))}), "no valid JSON")
    yield unsafe("safetensors-overlap", safetensors(one | {"b": described()}), "begins at byte 0")
    yield unsafe(
        "safetensors-gap", safetensors({"a": described(offsets=(8, 24))}, bytes(24)), "begins at byte 8"
    )
    yield unsafe("safetensors-shape", safetensors({"a": described(shape=(5,))}), "its shape needs 20")
    yield unsafe("safetensors-backwards", safetensors({"a": described(offsets=(16, 0))}), "has -16 bytes")
    yield unsafe("safetensors-data-after", safetensors(one, WEIGHTS + b"x"), "follow the last tensor")
    yield unreadable("safetensors-truncated", safetensors(one, WEIGHTS[:9]), "truncated")


def tar_file(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("pickle")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def containers(canary: str) -> Iterator[Case]:
    evil = proto(glob("os", "mkdir") + text(canary) + b"\x85R")
    empty_zip = io.BytesIO()
    zipfile.ZipFile(empty_zip, "w").close()
    files = {
        "tar": (tar_file(evil), "is a tar archive"),
        "gzip": (gzip.compress(evil), "is gzip-compressed"),
        "bzip2": (bz2.compress(evil), "is bzip2-compressed"),
        "xz": (lzma.compress(evil), "is xz-compressed"),
        "zstd": (b"\x28\xb5\x2f\xfd" + evil, "is zstd-compressed"),
        "lz4": (b"\x04\x22\x4d\x18" + evil, "is lz4-compressed"),
        "7z": (b"7z\xbc\xaf\x27\x1c" + evil, "is a 7z archive"),
        "rar": (b"Rar!\x1a\x07\x00" + evil, "is a RAR archive"),
        "hdf5": (b"\x89HDF\r\n\x1a\n" + evil, "is an HDF5 file"),
        "gguf": (b"GGUF\x03\x00\x00\x00" + evil, "is a GGUF file"),
        "npy": (b"\x93NUMPY\x01\x00" + evil, "is a NumPy array"),
        "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x061.13.0" + evil, "is an ONNX model"),
        "tflite": (b"\x1c\x00\x00\x00TFL3" + evil, "is a TensorFlow Lite model"),
        "html": (b"\n<!DOCTYPE html><html>Quota exceeded</html>", "is an HTML or XML page"),
        "json": (b'{"message": "Not Found"}', "is a JSON text"),
        "lfs": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "is a Git LFS pointer",
        ),
        "empty-zip": (empty_zip.getvalue(), "is an empty zip archive"),
        "program": (b"\x7fELF\x02\x01\x01" + evil, "is a program"),
        "zlib": (zlib.compress(evil), "is in no known container"),
        "lzma-alone": (lzma.compress(evil, format=lzma.FORMAT_ALONE), "is in no known container"),
        "compress": (b"\x1f\x9d\x90" + evil, "is in no known container"),
        "zstd-skippable": (b"\x50\x2a\x4d\x18\x04\0\0\0" + evil, "is in no known container"),
        "cpio": (b"070701" + b"0" * 104 + evil, "is in no known container"),
        "ar": (b"!<arch>\n" + evil, "is in no known container"),
        "parquet": (b"PAR1" + evil, "is in no known container"),
        "saved-model": (b"\x08\x01\x1a\x04" + evil, "is an ONNX model"),
        "script-before-zip": (b"#!/bin/sh\nexit\n" + torch_zip(evil), "is in no known container"),
        "noise": (bytes(range(200, 256)), "is in no known container"),
        "empty": (b"", "is empty"),
        "bare-harmless-pickle": (proto(b"}"), "is a bare pickle"),
        "one-byte": (b"\x80", "truncated"),
    }
    for name, (data, says) in files.items():
        yield unreadable(f"container-{name}", data, says)
    keras = archive(Entry("config.json", b"{}"), Entry("model.weights.h5", b"\x89HDF\r\n\x1a\n" + evil))
    yield unsafe("container-keras", keras, "outside the archive's only folder", evil)
    yield unsafe("container-pickles-in-a-row", evil + evil, "imports os.mkdir", evil)
