"""Repositories, an origin and a store for commands to be killed on."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from faults import scenes
from restoration_models import cards, catalogue, lock
from restoration_models.project import Project
from restoration_models.store.verify import verify
from support import checkpoints
from support.origin import Faults, Origin, Resource
from support.published import Shelf, Shop, sha256, shop
from support.relay import Relay
from support.servers import Server
from support.workspace import Workspace, declare
from support.zygote import Command, start

DOWNLOAD = 12_000_000
MANY, LARGE = (4, 2_000_000), (2, 6_000_000)
"""How many objects, of how many bytes."""
WIRE = 6_000_000
"""Bytes a second of a line that is not loopback's."""


@dataclass
class Scene:
    """A repository in which a command is about to run."""

    root: Path
    program: str
    arguments: tuple[str, ...]
    log: Path
    cwd: Path | None = None
    moved: Callable[[], int] = lambda: 0
    """Bytes that crossed the wire so far."""
    needed: int | None = None
    """What a run moves that nobody disturbs; None where nothing is moved."""
    port: int = 0
    """Where what is moved comes from: what lies in its sockets at a death, nobody could have kept."""
    proved: Callable[[], str] = lambda: ""
    """What is wrong in the end, besides the files."""
    digests: dict[str, str] = field(default_factory=dict)
    former: dict[str, str] | None = None
    """What `models refresh` takes a command back to that was killed; None where it takes nothing back."""

    def start(self, *instead: str) -> Command:
        """Start the command, or ``models`` with other arguments."""
        program, arguments = ("models", instead) if instead else (self.program, self.arguments)
        return start(program, *arguments, cwd=self.cwd or self.root, log=self.log)


@dataclass
class Bench:
    """What the scenes share: an origin, a store, and repositories to copy."""

    folder: Path
    origin: Origin
    server: Server | None
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.upstream = self.folder / "upstream"
        self.upstream.mkdir(parents=True)
        self._template: Workspace | None = None
        self._declared: Workspace | None = None
        self.repro_seconds = 0.0
        self._shelves: dict[tuple[int, int], Shelf] = {}

    # Repositories to copy ---------------------------------------------------------------------

    @property
    def finished(self) -> Workspace:
        """A model that ran, committed: what `dvc repro` leaves of `declared`."""
        if self._template is None:
            workspace = self.declared.copy(self.folder / "finished")
            self._serve("nafnet.pth", self.upstream / "nafnet.pth", rate=None)
            began = time.monotonic()
            workspace.ran()
            self.repro_seconds = time.monotonic() - began
            workspace.commit("First run")
            self._template = workspace
        return self._template

    @property
    def declared(self) -> Workspace:
        """A model that was never run; its source is the origin."""
        if self._declared is None:
            path = checkpoints.small("nafnet", self.upstream / "nafnet.pth", 5, width=24)
            checkpoints.small("nafnet", self.upstream / "third.pth", 6, width=24)
            url = self._serve("nafnet.pth", path, rate=None)
            self._declared = Workspace(
                self.folder / "declared", {"layer-1": {"sharpener": declare("nafnet", path, url)}}
            ).begin()
        return self._declared

    def shelf(self, objects: tuple[int, int]) -> Shelf:
        """Models in the lock, their bytes nowhere yet."""
        if objects not in self._shelves:
            count, size = objects
            shelf = Shelf.begin(self.folder / f"shelf año {count}")
            for number in range(count):
                shelf.put(f"model-{number}", random.Random(number).randbytes(size))
            shelf.commit()
            self._shelves[objects] = shelf
        return self._shelves[objects]

    def _serve(self, name: str, path: Path, *, rate: int | None) -> str:
        """Serve the file at `path`, from now on with the count of its bytes at zero."""
        where = f"/{name}"
        faults = Faults(rate=rate) if rate else Faults()
        with self.origin.lock:
            self.origin.log = [one for one in self.origin.log if one.path != where]
        return self.origin.put(where, Resource(path.read_bytes(), faults))

    def log(self, root: Path) -> Path:
        return root.with_name(f"{root.name}.{next(self.numbers)}.log")

    # Scenes -----------------------------------------------------------------------------------

    @contextmanager
    def download(self, root: Path, rate: int | None = WIRE // 8) -> Iterator[Scene]:
        """`models download` of a file over several connections."""
        path = self.upstream / "large.pth"
        if not path.exists():
            path.write_bytes(random.Random(1).randbytes(DOWNLOAD))
        url = self._serve("large.pth", path, rate=rate)
        template = self.folder / "large"
        if not template.exists():
            Workspace(template, {"layer-1": {"sharpener": declare("nafnet", path, url)}}).begin()
        yield Scene(
            scenes.copy(template, root),
            "models",
            ("download", "sharpener"),
            self.log(root),
            moved=lambda: self.origin.sent("/large.pth"),
            port=self.origin.server_address[1],
            needed=DOWNLOAD,
            digests={"large.pth": sha256(path.read_bytes())},
        )

    def download_fast(self, root: Path) -> AbstractContextManager[Scene]:
        """The same on loopback as it is."""
        return self.download(root, rate=None)

    @contextmanager
    def validate(self, root: Path) -> Iterator[Scene]:
        """`models validate`, as the pipeline calls it: without the former report and picture."""
        scenes.copy(self.finished.root, root)
        layer = root / "layers/layer-1"
        stages = yaml.safe_load((layer / "dvc.lock").read_text())["stages"]
        (layer / "reports/sharpener.json").unlink()
        (layer / "sharpener/sample.png").unlink()
        words = shlex.split(stages["validate@sharpener"]["cmd"])
        yield Scene(root, "models", tuple(words[1:]), self.log(root), cwd=layer)

    @contextmanager
    def readme(self, root: Path) -> Iterator[Scene]:
        """`models readme` after a text changed."""
        scenes.copy(self.finished.root, root)
        place = root / "layers/layer-1/params.yaml"
        place.write_text(place.read_text().replace("A nafnet", "Another text"))
        yield Scene(root, "models", ("readme", "layer-1"), self.log(root))

    @contextmanager
    def repro(self, root: Path) -> Iterator[Scene]:
        """`dvc repro` of a model that was never run."""
        template, path = self.declared.root, self.upstream / "nafnet.pth"
        self._serve("nafnet.pth", path, rate=path.stat().st_size // 16)
        yield Scene(
            scenes.copy(template, root),
            "dvc",
            ("repro",),
            self.log(root),
            moved=lambda: self.origin.sent("/nafnet.pth"),
            port=self.origin.server_address[1],
            needed=path.stat().st_size,
            digests={"nafnet.pth": sha256(path.read_bytes())},
        )

    def after_repro(self) -> tuple[float, dict[str, str], int]:
        tree = scenes.tree(self.finished.root)
        return self.repro_seconds, tree, (self.upstream / "nafnet.pth").stat().st_size

    def after_add(self) -> tuple[float, dict[str, str], int]:
        """What it leaves is proved by its lock and its cards."""
        assert self.finished
        return 1.3 * self.repro_seconds, {}, (self.upstream / "third.pth").stat().st_size

    @contextmanager
    def add(self, root: Path) -> Iterator[Scene]:
        """`models add` from an address."""
        scenes.copy(self.finished.root, root)
        path = self.upstream / "third.pth"
        url = self._serve("third.pth", path, rate=path.stat().st_size // 8)
        words = f"add {url} --layer layer-1 --family nafnet --task deraining --name third"
        yield Scene(
            root,
            "models",
            tuple(words.split()),
            self.log(root),
            moved=lambda: self.origin.sent("/third.pth"),
            port=self.origin.server_address[1],
            needed=path.stat().st_size,
            proved=lambda: _added_wrong(Project(root)),
            digests={"third.pth": sha256(path.read_bytes())},
        )

    @contextmanager
    def _stored(self, root: Path, objects: tuple[int, int] = MANY) -> Iterator[tuple[Shelf, Shop, Relay]]:
        """A clone whose way to a bucket of its own is a slow wire."""
        assert self.server is not None
        port = urlsplit(self.server.endpoint).port or 0
        with shop(self.server) as bucket, Relay(port, rate=WIRE) as relay:
            shelf = scenes.again(self.shelf(objects), root)
            shelf.use(Shop(replace(bucket.settings, endpoint=f"http://127.0.0.1:{relay.port}")))
            yield shelf, bucket, relay

    def push(self, root: Path) -> AbstractContextManager[Scene]:
        """`dvc push` of several objects."""
        return self._push(root, "dvc")

    def models_push(self, root: Path) -> AbstractContextManager[Scene]:
        """`models push` of the same."""
        return self._push(root, "models")

    @contextmanager
    def _push(self, root: Path, program: str) -> Iterator[Scene]:
        with self._stored(root) as (shelf, bucket, relay):
            shelf.keep()
            yield Scene(
                root,
                program,
                ("push",),
                self.log(root),
                moved=lambda: relay.up,
                needed=MANY[0] * MANY[1],
                proved=lambda: _stored_wrong(shelf, bucket),
            )

    def pull(self, root: Path) -> AbstractContextManager[Scene]:
        """`dvc pull` of several objects."""
        return self._pull(root, "dvc", MANY)

    def models_pull(self, root: Path) -> AbstractContextManager[Scene]:
        """`models pull` of some that are larger: what is under way is a part of each."""
        return self._pull(root, "models", LARGE)

    @contextmanager
    def _pull(self, root: Path, program: str, objects: tuple[int, int]) -> Iterator[Scene]:
        with self._stored(root, objects) as (shelf, bucket, relay):
            shelf.push(bucket)
            yield Scene(
                root,
                program,
                ("pull",),
                self.log(root),
                moved=lambda: relay.down,
                port=relay.port,
                needed=objects[0] * objects[1],
                digests={f"{slug}.pth": sha256(content) for slug, content in shelf.contents.items()},
            )

    @contextmanager
    def publish(self, root: Path) -> Iterator[Scene]:
        """`models publish` of a replaced model: no byte of a checkpoint passes through here."""
        with self._stored(root) as (shelf, bucket, _):
            shelf.push(bucket)
            yield Scene(
                root,
                "models",
                ("publish",),
                self.log(root),
                proved=lambda: _published_wrong(shelf, bucket),
            )


def _added_wrong(project: Project) -> str:
    loaded = catalogue.load(project)
    state = lock.state(project, loaded, loaded.model("third"))
    if state is not lock.State.VALIDATED:
        return f"third is only {state}"
    return "; ".join(map(str, cards.stale(project, loaded, "layer-1")))


def _stored_wrong(shelf: Shelf, bucket: Shop) -> str:
    shelf.use(bucket)
    return "; ".join(str(one) for one in verify(shelf.project).problems)


def _published_wrong(shelf: Shelf, bucket: Shop) -> str:
    manifest = bucket.manifest()
    if {one.slug for one in manifest.models} != set(shelf.contents):
        return "the manifest lacks models"
    return "; ".join(
        one.key for one in manifest.objects() if sha256(bucket.read(one.key, one.version_id)) != one.sha256
    )
