"""`kill -9` at random instants: the next run completes, nothing is torn, little is fetched twice."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from faults import scenes
from faults.bench import Bench, Scene
from faults.edits import EDITS, scene_of
from faults.outcome import Outcome
from support.zygote import Command, in_sockets

ALLOWED = 0.05
"""The part of a download that may be fetched twice."""


@dataclass
class Job:
    """A command to be killed."""

    name: str
    scene: Callable[[Path], AbstractContextManager[Scene]]
    weight: int
    """How many kills fall on it, beside the others'."""
    bound: float | None = ALLOWED
    """The part that may be moved twice; None where DVC begins an object again."""
    seconds: float = 0.0
    """How long it takes."""
    tree: dict[str, str] = field(default_factory=dict)
    """What it leaves when nobody disturbs it."""
    moves: int = 0
    known: Callable[[], tuple[float, dict[str, str], int]] | None = None
    """The same three, where they are known without a run of its own."""

    def calibrate(self, folder: Path) -> None:
        """Run it once undisturbed."""
        if self.known is not None:
            self.seconds, self.tree, self.moves = self.known()
            return
        with self.scene(folder / f"{self.name} undisturbed") as scene:
            command = scene.start()
            status = command.wait()
            self.seconds = time.monotonic() - command.started
            assert status == 0, f"{self.name}: {command.output}"
            assert not (wrong := scene.proved()), wrong
            self.tree = scenes.tree(scene.root)
            self.moves = scene.moved()
        assert self.moves or scene.needed is None

    def killed(self, root: Path, instant: float, *, again: bool = True) -> Outcome:
        """Kill it when `instant` (0 to 1) of its time is over, and run it again; an edit is taken back too.

        Without `again`, the latter alone.
        """
        case = f"kill -9: {self.name} at {100 * instant:.0f} %"
        with self.scene(root) as scene:
            first = scene.start()
            first.stopped_after(instant * self.seconds)
            had = scene.moved()
            under_way = in_sockets(scene.port) if scene.port else 0
            ran = first.kill()
            under_way += scene.moved() - had
            broken = scenes.torn(scene.root, scene.digests)
            ours = [path for path in broken if not path.endswith(scenes.TORN_BY_DVC)]
            mended = ""
            if broken and not ours:
                # DVC's own files: the command that puts them right, then the one that was killed.
                mended = f", {', '.join(broken)} mended by models refresh"
                scene.start("refresh").wait()
            wrong = ""
            # Every other edit is taken back by another command than itself.
            if scene.former is not None and (not again or int(1000 * instant) % 2):
                wrong, how = self._taken_back(scene)
                mended += how
            second = scene.start() if again else scene.start("check", "--offline")
            status = second.wait()
            wrong = wrong or self._wrong(scene, ours, status, second)
            moved = scene.moved()
        if not ran:
            # This machine is quicker now than it was when it was measured.
            self.seconds *= 0.8
        if wrong:
            second.log.with_suffix(".wrong").write_text(f"{first.output}\n-----\n{second.output}")
        twice = max(0, moved - self.moves - under_way) if scene.needed is not None else None
        if not wrong and twice is not None and self.bound is not None and twice > self.bound * self.moves:
            wrong = f"{twice:,} bytes came twice"
        shutil.rmtree(root, ignore_errors=True)
        ended = wrong or ("completed by the next run" if ran else "was done before the kill") + mended
        return Outcome(case, ended, not wrong, twice, self.moves if twice is not None else 0, under_way)

    def _taken_back(self, scene: Scene) -> tuple[str, str]:
        """What is wrong after a refresh, which leaves all as it was before, or done; and which of them."""
        refresh = scene.start("refresh")
        if status := refresh.wait():
            return f"refresh ended with {status}: {refresh.output[-1500:]}", ""
        now = scenes.tree(scene.root)
        if now == scene.former:
            return "", ", taken back by models refresh"
        # Where nobody knows what it leaves undisturbed, the check says whether it is whole.
        if now == self.tree or (not self.tree and scene.start("check", "--offline").wait() == 0):
            return "", ", found done by models refresh"
        other = {path for path, _ in now.items() ^ (scene.former or {}).items()}
        return f"neither as before nor done after a refresh: {', '.join(sorted(other))}", ""

    def _wrong(self, scene: Scene, ours: list[str], status: int, second: Command) -> str:
        if ours:
            return f"torn after the kill: {', '.join(ours)}"
        if status:
            return f"the next run ended with {status}: {second.output[-1500:]}"
        if broken := scenes.torn(scene.root, scene.digests):
            return f"torn in the end: {', '.join(broken)}"
        if left := scenes.left_over(scene.root):
            return f"left over: {', '.join(left)}"
        if not scenes.git_is_well(scene.root):
            return "git's index is locked"
        now = scenes.tree(scene.root)
        if self.tree and (
            other := sorted(
                path for path in now.keys() | self.tree.keys() if now.get(path) != self.tree.get(path)
            )
        ):
            return f"not what an undisturbed run leaves: {', '.join(other)}"
        return scene.proved()


def jobs_of(bench: Bench) -> list[Job]:
    """Every command of the matrix."""
    found = [
        Job("download", bench.download, 20),
        Job("download, no limit on the line", bench.download_fast, 10),
        Job("validate", bench.validate, 8),
        Job("readme", bench.readme, 8),
        Job("repro", bench.repro, 8, known=bench.after_repro),
        Job("add", bench.add, 6, known=bench.after_add),
    ]
    found += [Job(name, scene_of(bench, name), 6) for name in EDITS]
    if bench.server is not None:
        found += [
            Job("push", bench.push, 10, bound=None),
            Job("models push", bench.models_push, 6, bound=None),
            Job("pull", bench.pull, 14, bound=None),
            Job("models pull", bench.models_pull, 8),
            Job("publish", bench.publish, 12),
        ]
    return found


def instants(jobs: list[Job], number: int, seed: int) -> list[tuple[Job, float]]:
    """`number` kills over `jobs` by their weights, mixed, each at an instant drawn by chance."""
    chance = random.Random(seed)
    whole = sum(job.weight for job in jobs)
    shares = [max(1, round(number * job.weight / whole)) for job in jobs]
    while sum(shares) > number and max(shares) > 1:
        shares[shares.index(max(shares))] -= 1
    while sum(shares) < number:
        shares[0] += 1
    # A little beyond the end, too: the last moments count.
    drawn = [
        (job, chance.uniform(0.0, 1.02))
        for job, share in zip(jobs, shares, strict=True)
        for _ in range(share)
    ]
    chance.shuffle(drawn)
    return drawn


def outcomes(bench: Bench, number: int, seed: int, names: frozenset[str] = frozenset()) -> Iterator[Outcome]:
    """Kill commands `number` times."""
    jobs = [job for job in jobs_of(bench) if not names or job.name in names]
    for place, (job, instant) in enumerate(instants(jobs, number, seed)):
        if not job.seconds:
            job.calibrate(bench.folder)
        yield job.killed(bench.folder / f"{place} {job.name}", instant)
