"""Every hostile file is refused for its own reason, and nothing in it ever runs."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest

from restoration_models.scan import UnsafeCheckpoint, scan
from support.hostile import cases
from support.hostile_parts import Case, Entry, archive, members, proto, storage, tensor, torch_zip

CANARY = Path("canary")
"""Relative: each test runs in a folder of its own."""

CASES = cases(CANARY)
LIVE = [case for case in CASES if case.live]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_refused_and_never_runs(case: Case) -> None:
    file = Path("checkpoint.pth")
    file.write_bytes(case.data)
    with pytest.raises(case.refused) as caught:
        scan(file)
    refusal = caught.value
    # Exactly this class: a fault of the scan itself is a subclass and must not pass for a refusal.
    assert type(refusal) is case.refused
    assert case.says in refusal.what
    assert refusal.where == "checkpoint.pth"
    assert refusal.remedy
    line = str(refusal)
    assert line.isprintable(), "a line that a terminal shows must hold no control characters"
    assert len(line) < 600
    assert sorted(path.name for path in Path().iterdir()) == ["checkpoint.pth"]


@pytest.mark.parametrize("case", LIVE, ids=lambda case: case.name)
def test_payload_would_run_elsewhere(case: Case) -> None:
    """Without this, a canary that never appears would prove nothing."""
    pickle.loads(case.live)  # noqa: S301
    assert CANARY.is_dir()


def test_there_are_many_kinds() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200
    assert len(LIVE) >= 40


def test_same_refusal_from_open_file() -> None:
    for case in CASES[:40]:
        file = io.BytesIO(case.data)
        file.seek(3)
        with pytest.raises(case.refused):
            scan(file)
        assert file.tell() == 3


def test_refusal_names_member_opcode_position_and_global() -> None:
    evil = next(case for case in CASES if case.name == "pickle-global")
    with pytest.raises(UnsafeCheckpoint) as caught:
        scan(io.BytesIO(evil.data))
    refusal = caught.value
    assert (refusal.member, refusal.opcode, refusal.position) == ("a/data.pkl", "GLOBAL", 2)
    assert refusal.global_name == "os.mkdir"
    assert str(refusal) == (
        "a/data.pkl: imports os.mkdir, which is not on the allow-list (GLOBAL at byte 2); do not load it; "
        "get the checkpoint from a source you trust. If a person has read what this name does with this "
        "file's data, the catalogue entry can list it under expects: allow-globals"
    )


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("limit-a-million-opcodes", 8),
        ("limit-huge-text", 8),
        ("limit-deep-tuples", 8),
        ("limit-copied-list", 64),
        ("zip-bomb", 8),
        ("zip-huge-directory", 8),
        ("safetensors-huge-header", 8),
        ("safetensors-deep", 8),
    ],
)
def test_memory_stays_small(name: str, megabytes: int) -> None:
    case = next(case for case in CASES if case.name == name)
    file = io.BytesIO(case.data)
    tracemalloc.start()
    try:
        with pytest.raises(case.refused):
            scan(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes << 20


def test_worst_pickle_within_the_limits_takes_bounded_memory() -> None:
    """As many empty dicts as opcodes are read: the most that values can take."""
    pickle_bytes = b"\x80\x02(" + b"}" * 150_000 + b"t."
    file = io.BytesIO(torch_zip(pickle_bytes))
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeCheckpoint, match="uses these raw bytes"):
            scan(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20


def test_large_members_are_not_held_in_memory(tmp_path: Path) -> None:
    """A sparse file that is far larger than what may be used; its CRC is summed piece by piece."""
    count = 32 << 20
    crc = 0
    for _ in range(4 * count >> 20):
        crc = zlib.crc32(bytes(1 << 20), crc)
    true = {"size": 4 * count, "packed": 4 * count, "crc": crc}
    pickle_bytes = proto(tensor(storage(count=count), size=(count,)))
    entries = [
        Entry("a/data.pkl", pickle_bytes),
        Entry("a/version", b"3"),
        Entry("a/data/0", b"", local=true, central=true),
    ]
    file = tmp_path / "sparse.pth"
    with file.open("wb") as target:
        directory = b""
        for entry in entries:
            local, central = entry.write(target.tell())
            target.write(local)
            directory += central
        target.seek(4 * count, 1)
        where = target.tell()
        target.write(directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), where, 0))
    tracemalloc.start()
    try:
        assert scan(file).tensors == 1
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_member_hidden_behind_another_of_its_short_name() -> None:
    """Below the root and without one, a name must not shadow the other in the scan's own table."""
    evil = next(case for case in CASES if case.name == "pickle-global").live
    first, *rest = members()
    for order in ([Entry("data.pkl", evil), first], [first, Entry("data.pkl", evil)]):
        with pytest.raises(UnsafeCheckpoint, match=r"imports os\.mkdir"):
            scan(io.BytesIO(archive(rest[1], *order, rest[0])))


def test_scan_imports_neither_torch_nor_an_unpickler() -> None:
    program = (
        "import sys, restoration_models.scan as s\n"
        "import io\n"
        "try: s.scan(io.BytesIO(b'x'))\n"
        "except s.UnreadableCheckpoint: pass\n"
        "heavy = {'torch', 'numpy', 'pickle', '_pickle', 'pickletools', 'zipfile', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    scripts = Path(__file__).parents[3] / "scripts"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(scripts)},
    )
    assert done.stdout.strip() == "[]"
