"""P1: pull. P2: push. P9, a part: publish. S1: many training machines pull at once. All from real MinIO."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks import peers, projects
from benchmarks.measure import BenchmarkFailed, Contender, clean_environment, race, run, shell
from benchmarks.results import Line, alone, compared
from benchmarks.setting import MB, Setting, minio
from restoration_models import store
from support.servers import Server, git, models

BUCKET = "models"


def transfer(setting: Setting) -> list[Line]:
    """Push, then pull into an empty clone, then publish."""
    count, size = setting.sized(18, 4), setting.sized(130 * MB, 2 * MB)
    with setting.folder("store") as folder, minio(folder / "minio") as server:
        repository = projects.finished(folder / "project", count, 2, size=size)
        root = repository.root
        login(root, server)
        lines = _push(setting, folder, root, server, count, size)
        subprocess.run(["dvc", "push", "--quiet"], cwd=root, env=clean_environment(), check=True)
        lines += _pull(setting, folder, root, server, count, size)
        published = run(Contender("publish", ["models", "publish"], root), setting.log)
        work = f"`models publish`, {count} x {size // MB} MB"
        return [*lines, alone("P9", work, [published], megabytes=150)]


def _push(setting: Setting, folder: Path, root: Path, server: Server, count: int, size: int) -> list[Line]:
    keys = _keys(server)

    def empty() -> None:
        _empty(server)
        shutil.rmtree(root / ".dvc" / "tmp", ignore_errors=True)

    def stored() -> None:
        _stored(server, count, size)

    cache = root / ".dvc" / "cache" / "files" / "md5"
    mc = f"{peers.mc()} --config-dir {folder}/mc --quiet"
    host = server.endpoint.replace("://", f"://{server.access_key}:{server.secret_key}@")
    target = f"MC_HOST_bench={host} {mc} cp --recursive {cache}/ bench/{BUCKET}/dvc/files/md5/"
    rclone = (
        f"{peers.rclone()} --config /dev/null copy {cache} :s3:{BUCKET}/dvc/files/md5 --s3-provider Minio"
        f" --s3-endpoint {server.endpoint} --s3-env-auth --s3-no-check-bucket"
    )
    runs = race(
        [
            Contender("models push", ["models", "push"], root, empty, stored),
            Contender("dvc push", ["dvc", "push", "--quiet"], root, empty, stored),
            Contender("mc cp", shell(target), root, empty, stored),
            Contender("rclone copy", shell(rclone), root, empty, stored, keys),
        ],
        setting.rounds,
        setting.log,
    )
    work = f"push {count} x {size // MB} MB to MinIO"
    ours, plain, peer = runs["models push"], runs["dvc push"], runs["mc cp"]
    return [
        compared("P2", f"{work}, `models push`", ours, "mc cp", peer, at_most=1.2, megabytes=300),
        compared("P2", "the same by `dvc push`", plain, "mc cp", peer),
        compared("P2", "`models push` beside another peer", ours, "rclone copy", runs["rclone copy"]),
    ]


def _pull(setting: Setting, folder: Path, root: Path, server: Server, count: int, size: int) -> list[Line]:
    keys = _keys(server)
    clone, got = folder / "clone", folder / "got"

    def cloned() -> None:
        shutil.rmtree(got, ignore_errors=True)
        _clone(root, clone)

    def trusting() -> None:
        cloned()
        subprocess.run(
            ["dvc", "remote", "modify", "--local", "minio", "verify", "false"],
            cwd=clone,
            env=clean_environment(),
            check=True,
        )

    def pulled() -> None:
        there = sum(path.stat().st_size for path in clone.glob("layers/*/*/*.pth"))
        if there != count * size:
            raise BenchmarkFailed(f"{there} bytes were pulled, not {count * size}")

    source = f"{peers.s5cmd()} --endpoint-url {server.endpoint} --log error cp 's3://{BUCKET}/dvc/*' {got}/"
    sums = f"find {got} -type f -print0 | xargs -0 md5sum"
    pull = ["dvc", "pull", "--quiet", "--allow-missing"]
    runs = race(
        [
            Contender("models pull", ["models", "pull"], clone, cloned, pulled),
            Contender("dvc pull", pull, clone, cloned, pulled),
            Contender("s5cmd", shell(f"{source} && {sums}"), folder, cloned, environment=keys),
            Contender("unverified", pull, clone, trusting, pulled),
        ],
        setting.rounds,
        setting.log,
    )
    work = f"pull {count} x {size // MB} MB from MinIO into an empty clone, every byte verified"
    ours, plain, peer = runs["models pull"], runs["dvc pull"], runs["s5cmd"]
    return [
        compared("P1", f"{work}, `models pull`", ours, "s5cmd cp, md5sum", peer, at_most=1.0),
        compared("P1", "the same by `dvc pull`", plain, "s5cmd cp, md5sum", peer),
        compared("P1", "what verifying costs it", plain, "dvc pull, `verify = false`", runs["unverified"]),
    ]


def crowd(setting: Setting) -> list[Line]:
    """Training machines that pull at the same moment, each into a clone of its own."""
    clients, count, size = setting.sized(20, 3), setting.sized(18, 2), setting.sized(13 * MB, MB)
    with setting.folder("crowd") as folder, minio(folder / "minio") as server:
        repository = projects.finished(folder / "project", count, 2, size=size)
        login(repository.root, server)
        subprocess.run(["dvc", "push", "--quiet"], cwd=repository.root, env=clean_environment(), check=True)
        keys = _keys(server)
        s5cmd = f"{peers.s5cmd()} --endpoint-url {server.endpoint} --log error cp 's3://{BUCKET}/dvc/*'"
        lines = []
        pulls = {
            "dvc pull": ["dvc", "pull", "--quiet", "--allow-missing"],
            "models pull": ["models", "pull"],
        }
        for name in (*pulls, "s5cmd cp"):
            commands = []
            for number in range(clients):
                place = folder / f"client-{number}"
                shutil.rmtree(place, ignore_errors=True)
                if name in pulls:
                    _clone(repository.root, place)
                    command = pulls[name]
                else:
                    place.mkdir()
                    command = shell(f"{s5cmd} {place}/")
                commands.append(Contender(f"{name} {number}", command, place, environment=keys))
            os.sync()
            before, began = _processor(server.pid), time.perf_counter()
            with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                done = list(pool.map(_client, commands))
            took, used = time.perf_counter() - began, _processor(server.pid) - before
            lines.append(_crowd_line(name, done, count * size, took, used))
    return lines


def _client(contender: Contender) -> float | None:
    """How long one of many takes; None where it failed."""
    began = time.perf_counter()
    done = subprocess.run(
        contender.command,
        cwd=contender.cwd,
        env=clean_environment() | dict(contender.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - began if done.returncode == 0 else None


def _crowd_line(name: str, done: list[float | None], each: int, took: float, used: float) -> Line:
    times = [one for one in done if one is not None]
    if not times:
        raise BenchmarkFailed(f"every one of {len(done)} clients of {name} failed")
    rates = [each / one for one in times]
    fairness = sum(rates) ** 2 / (len(rates) * sum(rate**2 for rate in rates))
    total = each * len(times)
    spread = f"{min(times):.1f} / {statistics.median(times):.1f} / {max(times):.1f} s"
    work = f"{len(done)} clients at once, {name}, {each // MB} MB each: {total // MB} MB"
    server = f"MinIO's processor time {used:.1f} s of {took * (os.cpu_count() or 1):.1f} s"
    ours = f"{took:.1f} s, {total / took / MB:.0f} MB/s; a client: {spread}"
    errors = f"{len(done) - len(times)} errors, fairness {fairness:.3f}"
    return Line("S1", work, ours, server, errors, "—", "—", None)


# The store ---------------------------------------------------------------------------------


def login(root: Path, server: Server) -> None:
    """Give the project at `root` the keys of `server`."""
    done = models(
        root, "store", "login", "--endpoint", server.endpoint, "--access-key", server.access_key,
        "--secret-stdin", stdin=server.secret_key,
    )  # fmt: skip
    if done.returncode:
        raise BenchmarkFailed(done.stderr)


def _clone(root: Path, clone: Path) -> None:
    shutil.rmtree(clone, ignore_errors=True)
    git(root.parent, "clone", "--quiet", "--no-hardlinks", str(root), str(clone))
    shutil.copyfile(root / ".dvc" / "config.local", clone / ".dvc" / "config.local")


def _keys(server: Server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
    }


def _client_of(server: Server) -> Any:
    return store.client(server.settings())


def _empty(server: Server) -> None:
    from minio.deleteobjects import DeleteObject

    client = _client_of(server)
    listed = client.list_objects(BUCKET, prefix="dvc/", recursive=True, include_version=True)
    for failed in client.remove_objects(BUCKET, [DeleteObject(o.object_name, o.version_id) for o in listed]):
        raise BenchmarkFailed(str(failed))


def _stored(server: Server, count: int, size: int) -> None:
    listed = [*_client_of(server).list_objects(BUCKET, prefix="dvc/files/", recursive=True)]
    if (len(listed), sum(one.size for one in listed)) != (count, count * size):
        raise BenchmarkFailed(f"{len(listed)} objects are in the store, not {count} whole ones")


def _processor(pid: int) -> float:
    """Seconds of processor time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


ROWS = {"P1": transfer, "P2": transfer, "S1": crowd}
