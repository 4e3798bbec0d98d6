"""What a hostile file can cost the process that scans it, whatever it claims and however long it is."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restoration_models.scan import limits
from support.effort import LONG
from support.hostile_parts import (
    BENIGN,
    MAX32,
    Entry,
    archive,
    described,
    glob,
    legacy,
    number,
    proto,
    safetensors,
    storage,
    tensor,
    text,
    torch_zip,
)

HUGE = 5 << 30
ZEROS_CRC = 0x193838C3
"""Of HUGE zeros."""
SECONDS = 5.0
MEGABYTES = 250
"""Above an empty scan's; scan/limits.py says where they come from."""

PROGRAM = """
import json, re, sys, time
from restoration_models.scan import scan, UnsafeCheckpoint, UnreadableCheckpoint, ScanFailed
from pathlib import Path
def memory(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
try: scan(Path("/dev/null"))
except UnreadableCheckpoint: pass
for line in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
    before, began = memory("VmRSS"), time.process_time()
    try:
        says = f"{scan(Path(line.strip())).tensors} tensors"
    except ScanFailed as error:
        says = f"FAILED {error}"
    except (UnsafeCheckpoint, UnreadableCheckpoint) as error:
        says = str(error)
    cost = {"says": says, "megabytes": memory("VmHWM") - before, "seconds": time.process_time() - began}
    print(json.dumps(cost), flush=True)
"""


def sparse(path: Path, before: bytes, after: bytes = b"", hole: int = HUGE) -> None:
    with path.open("wb") as file:
        file.write(before)
        file.seek(hole, 1)
        file.write(after)
        file.truncate()
        if not after:
            file.truncate(len(before) + hole)


def huge_safetensors(path: Path) -> None:
    header = {"w": described("F32", [HUGE // 4], [0, HUGE])}
    sparse(path, safetensors(header, b""))


def huge_legacy(path: Path) -> None:
    count = HUGE // 4
    weights = tensor(storage(count=count, tail=b"N"), size=(count,))
    sparse(path, legacy(proto(b"}" + text("w") + weights + b"s"), count=count, weights=b""))


def huge_zip(path: Path, name: str = "a/data/0") -> None:
    """A member longer than the plain fields can say, in the form that torch writes."""
    count = HUGE // 4
    pickle = proto(b"}" + text("w") + tensor(storage(count=count), size=(count,)) + b"s")
    wide = struct.pack("<2H2Q", 1, 16, HUGE, HUGE)
    large = {"size": MAX32, "packed": MAX32, "crc": ZEROS_CRC, "extra": wide, "needed": 45}
    entries = [
        Entry("a/data.pkl", pickle),
        Entry("a/version", b"3\n"),
        Entry(name, b"", local=large, central=large),
    ]
    if name == "a/data.pkl":
        entries = entries[1:]
    body, directory = b"", b""
    for entry in entries:
        local, central = entry.write(len(body))
        body, directory = body + local, directory + central
    where = len(body) + HUGE
    at = where + len(directory)
    end = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(entries), len(entries), len(directory), where
    )
    end += struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), MAX32, 0)
    sparse(path, body, directory + end)


def content(make: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(make()) and None


def many_members() -> bytes:
    return archive(*(Entry(f"a/data/{index}", b"x") for index in range(limits.MAX_MEMBERS)))


def many_pickles_in_members() -> bytes:
    """Each member is looked into for a pickle, as far as that goes."""
    long = b"\x80\x02" + b"N0" * (limits.PROBE_OPCODES // 2 - 8)
    return torch_zip(BENIGN, *(Entry(f"a/data/{index}", long) for index in range(1, 300)))


def memo() -> bytes:
    """Everything in the memo, again and again, at far indices."""
    puts = b"".join(b"r" + struct.pack("<I", limits.MAX_MEMO - index) for index in range(150_000))
    return torch_zip(proto(b"]" + puts))


def long_texts() -> bytes:
    return torch_zip(proto(b"(" + (b"X" + struct.pack("<I", 1 << 20) + bytes(1 << 20)) * 15 + b"t"))


def doubled() -> bytes:
    """Billion laughs: each tuple holds the one before it twice, through the memo."""
    step = b"".join(
        b"h" + bytes([level]) + b"h" + bytes([level]) + b"\x86q" + bytes([level + 1]) for level in range(60)
    )
    return torch_zip(proto(b"N\x85q\x00" + step))


def dicts() -> bytes:
    return torch_zip(proto(b"(" + b"}" * 490_000 + b"t"))


def ordered() -> bytes:
    pairs = b"](" + b"".join(b"(" + text(str(at)) + b"Nt" for at in range(40_000)) + b"eq\x01"
    return torch_zip(proto(pairs + (glob("collections", "OrderedDict") + b"h\x01\x85R0") * 12))


def colliding(step: int, pairs: bool = False) -> bytes:
    """A dict of numbers that Python hashes to one value, or whose hashes end in the same bits."""
    keys = (number(at * step, 12) for at in range(1, 120_000))
    if pairs:
        listed = b"](" + b"".join(key + b"N\x86" for key in keys) + b"e\x85R"
        return torch_zip(proto(glob("collections", "OrderedDict") + listed))
    return torch_zip(proto(b"}(" + b"".join(key + b"N" for key in keys) + b"u"))


def full_header(piece: bytes, most: int = limits.MAX_HEADER) -> bytes:
    """A header of the full size, or of as many values as are read, that repeats a piece of JSON."""
    count = (most - 9) // (len(piece) + 1)
    return safetensors(b'{"a":[' + (piece + b",") * count + b"0]}", b"")


DEEP = b"[" * 400 + b"]" * 400
DEEP_TABLES = b'{"":' * 400 + b"0" + b"}" * 400


def wide_text() -> bytes:
    """One character beyond the first plane makes Python take four bytes for each."""
    head, tail = '{"__metadata__":{"a":"\U0001f600'.encode(), b'"}}'
    return safetensors(head + b"x" * (limits.MAX_HEADER - len(head) - len(tail)) + tail, b"")


def header_of_names() -> bytes:
    return safetensors(
        {f"{'x' * 300}{index}": described(shape=[0], offsets=[0, 0]) for index in range(19_000)}, b""
    )


def nested_metadata() -> bytes:
    return safetensors(
        b'{"__metadata__":{' + b",".join(b'"%d":"x"' % at for at in range(400_000)) + b"}}", b""
    )


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "5 GB of safetensors": (huge_safetensors, "1 tensors"),
    "5 GB of legacy checkpoint": (huge_legacy, "1 tensors"),
    "5 GB of nothing": (lambda path: sparse(path, b""), "in no known container"),
    "5 GB behind a zip's signature": (lambda path: sparse(path, b"PK\x03\x04"), "truncated"),
    "5 GB behind a pickle": (lambda path: sparse(path, b"\x80\x02}"), "bare pickle"),
    "5 GB behind a legacy magic": (lambda path: sparse(path, legacy()), "follow the last storage"),
    "5 GB behind a safetensors header": (
        lambda path: sparse(path, safetensors({"weight": described()})),
        "follow the last tensor",
    ),
    "5 GB for a pickle": (lambda path: huge_zip(path, "a/data.pkl"), "at most 16777216 are read"),
    "5 GB for a version": (lambda path: huge_zip(path, "a/byteorder"), "what torch writes there"),
    "5 GB for a strange member": (lambda path: huge_zip(path, "a/x"), "torch does not write"),
    "many members": (content(many_members), "lacks data.pkl"),
    "many looks for pickles": (content(many_pickles_in_members), "uses these raw bytes"),
    "memo": (content(memo), "not in the archive|left over|raw bytes"),
    "long texts": (content(long_texts), "raw bytes"),
    "doubled tuples": (content(doubled), "left over|64 deep"),
    "dicts": (content(dicts), "raw bytes"),
    "copied lists": (content(ordered), "copies more|does not read"),
    "numbers of one hash": (content(lambda: colliding((1 << 61) - 1)), "further from 0"),
    "numbers of one hash in pairs": (content(lambda: colliding((1 << 61) - 1, pairs=True)), "further from 0"),
    "numbers that end alike": (content(lambda: colliding(1 << 15)), "more than 20000 dict keys"),
    "deep lists in a full header": (content(lambda: full_header(DEEP)), "more than 500000 values"),
    "deep tables in a full header": (content(lambda: full_header(DEEP_TABLES)), "more than 500000 values"),
    "lists in a full header": (content(lambda: full_header(b"[0]")), "more than 500000 values"),
    "deep lists in a header": (content(lambda: full_header(DEEP, 900_000)), "nested too deep"),
    "tables in a header": (content(lambda: full_header(b'{"":0}', 1_700_000)), "not described by"),
    "a wide text in a full header": (content(wide_text), "0 tensors"),
    "names in a safetensors header": (content(header_of_names), "19000 tensors"),
    "metadata in a safetensors header": (content(nested_metadata), "0 tensors"),
}
if LONG:
    FILES["5 GB of zip checkpoint, every byte summed"] = (huge_zip, "1 tensors")


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Every file in one process, one after the other; each is removed before the next is made."""
    folder = tmp_path_factory.mktemp("cost")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "scripts")}
    found = {}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for index, (name, (make, _)) in enumerate(FILES.items()):
            path = folder / f"{index}.pth"
            make(path)
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            found[name] = json.loads(process.stdout.readline())
            path.unlink()
        process.stdin.close()
    return found


@pytest.mark.parametrize("name", FILES)
def test_cost(name: str, costs: dict[str, dict[str, object]]) -> None:
    cost = costs[name]
    assert re.search(FILES[name][1], str(cost["says"])), cost
    assert float(str(cost["seconds"])) < (10 * SECONDS if "summed" in name else SECONDS), cost
    assert int(str(cost["megabytes"])) < MEGABYTES, cost
