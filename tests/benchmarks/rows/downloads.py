"""P3, P4: files from web servers that do and do not cap each connection. P10: a refresh from a capped one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks import projects
from benchmarks.measure import BenchmarkFailed, Contender, race, run, shell
from benchmarks.origin import serving
from benchmarks.peers import system
from benchmarks.results import Line, compared
from benchmarks.setting import MB, Setting
from support import checkpoints


def download(setting: Setting) -> list[Line]:
    """One large file and ten smaller ones, digests checked."""
    sizes = [setting.sized(460 * MB, 12 * MB), *[setting.sized(105 * MB, 3 * MB)] * 10]
    with setting.folder("download") as folder:
        files = folder / "files"
        files.mkdir()
        for number, size in enumerate(sizes):
            (files / f"weights-{number}.pth").write_bytes(projects.weights(number, size))
        with serving(files, folder / "nginx") as (uncapped, capped):
            lines = [
                *_race(setting, folder, sizes, "P3", capped, "aria2c"),
                *_race(setting, folder, sizes, "P4", uncapped, "curl"),
            ]
    return lines


def _race(setting: Setting, folder: Path, sizes: list[int], row: str, address: str, peer: str) -> list[Line]:
    def describe(number: int) -> dict[str, Any]:
        name = f"weights-{number}.pth"
        sha256 = projects.facts(number, sizes[number])["sha256"]
        return {"file": name, "size": sizes[number], "sha256": sha256, "sources": [f"{address}/{name}"]}

    root = folder / f"project-{row}"
    repository = projects.declared(root, projects.layers_of(len(sizes), 2, describe))
    inbox = repository.project.inbox
    got = folder / f"got-{row}"
    names = [f"weights-{number}.pth" for number in range(len(sizes))]
    sums = folder / "sums"
    sums.write_text(
        "".join(f"{projects.facts(n, size)['sha256']}  weights-{n}.pth\n" for n, size in enumerate(sizes))
    )
    urls = folder / f"urls-{row}"
    urls.write_text("".join(f"{address}/{name}\n" for name in names))

    def empty() -> None:
        shutil.rmtree(inbox, ignore_errors=True)
        shutil.rmtree(got, ignore_errors=True)
        got.mkdir()

    def all_there() -> None:
        there = sum(path.stat().st_size for path in inbox.iterdir() if len(path.name) == 64)
        if there != sum(sizes):
            raise BenchmarkFailed(f"{row}: {there} bytes are in the inbox, not {sum(sizes)}")

    aria2c = system("aria2c", "aria2") if peer == "aria2c" else ""
    fetch = {
        "aria2c": f"{aria2c} -q -x16 -j4 -i {urls} -d {got}",
        "aria2c -s16": f"{aria2c} -q -x16 -s16 -k1M -j4 -i {urls} -d {got}",
        "curl": f"curl -sSf --remote-name-all --output-dir {got} $(cat {urls})",
        "curl -Z": f"curl -sSf -Z --parallel-max 4 --remote-name-all --output-dir {got} $(cat {urls})",
    }
    check = f"(cd {got} && sha256sum --quiet -c {sums})"
    peers = [name for name in fetch if name.startswith(peer)]
    runs = race(
        [
            Contender("ours", ["models", "download", "--all"], root, empty, all_there),
            *(Contender(name, shell(f"{fetch[name]} && {check}"), folder, empty) for name in peers),
        ],
        setting.rounds,
        setting.log,
    )
    shutil.rmtree(root)
    shutil.rmtree(got)
    capped = "20 MiB/s a connection" if row == "P3" else "uncapped"
    work = f"download {sizes[0] // MB} MB + 10 x {sizes[1] // MB} MB, {capped}, sha256 checked"
    first = "aria2c -x16 -j4" if peer == "aria2c" else "curl"
    return [
        compared(row, work, runs["ours"], f"{first}, sha256sum", runs[peers[0]], at_most=1.0),
        compared(row, "the same against another setting", runs["ours"], peers[1], runs[peers[1]]),
    ]


def refresh(setting: Setting) -> list[Line]:
    """A refresh of models from a capped origin, beside the pipeline alone, a stage after the other."""
    count = setting.sized(20, 2)
    with setting.folder("refresh") as folder:
        files = folder / "files"
        files.mkdir()
        for number in range(count):
            path = files / f"uvdoc-{number}.pkl"
            if setting.quick:
                checkpoints.small("uvdoc", path, number)
            else:
                checkpoints.full_size("uvdoc", path, number)
        size = (files / "uvdoc-0.pkl").stat().st_size
        with serving(files, folder / "nginx") as (_, capped):
            runs = {}
            for name, command in (("refresh", ["models", "refresh"]), ("dvc repro", ["dvc", "repro"])):
                root = folder / name.replace(" ", "-")
                _uvdocs(root, files, capped, count)
                runs[name] = [run(Contender(name, command, root), setting.log)]
                shutil.rmtree(root)
    work = f"`models refresh` of {count} models of {size // MB} MB, 20 MiB/s a connection"
    return [compared("P10", work, runs["refresh"], "serial `dvc repro`", runs["dvc repro"], at_most=1 / 3)]


def _uvdocs(root: Path, files: Path, address: str, count: int) -> None:
    def describe(number: int) -> dict[str, Any]:
        path = files / f"uvdoc-{number}.pkl"
        size, sha256, _ = checkpoints.digests(path)
        return {
            "family": "uvdoc",
            "task": "document-unwarping",
            "file": path.name,
            "size": size,
            "sha256": sha256,
            "sources": [f"{address}/{path.name}"],
            "expects": {"architecture": "UVDoc", "wrapper-key": "model_state", "input-channels": 3},
        }

    projects.declared(root, projects.layers_of(count, 2, describe))


ROWS = {"P3": download, "P4": download, "P10": refresh}
