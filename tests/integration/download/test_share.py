"""Several files at once share the connections; whoever is left over gets more of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from restoration_models.download import Places, prefetch
from restoration_models.download.events import Progress, Started
from restoration_models.download.plan import Request
from support.downloads import QUICK, Remembering, content, sha256
from support.origin import Faults, Origin

JOBS = 4


def test_the_largest_file_begins(tmp_path: Path) -> None:
    """It takes longest."""
    heard = Remembering()
    with Origin() as origin:
        requests = [
            Request.of(
                str(size),
                sha256=sha256(content(size)),
                size=size,
                sources=(origin.add(f"/{size}.pth", content(size)),),
            )
            for size in (2000, 9000, 5000)
        ]
        prefetch(requests, 1, Places(inbox=tmp_path, root=tmp_path, policy=QUICK), heard)

    assert [event.slug for event in heard.of(Started)] == ["9000", "5000", "2000"]


def test_the_last_file_ends_with_the_connections_of_the_others(tmp_path: Path) -> None:
    large, small = content(1_200_000, seed=9), [content(30_000, seed=seed) for seed in range(JOBS - 1)]
    heard = Remembering()
    with Origin() as origin:
        files = [("small", data, Faults()) for data in small] + [("large", large, Faults(rate=150_000))]
        requests = [
            Request.of(
                f"{name}-{number}",
                sha256=sha256(data),
                size=len(data),
                sources=(origin.add(f"/{number}.pth", data, faults),),
            )
            for number, (name, data, faults) in enumerate(files)
        ]
        places = Places(inbox=tmp_path, root=tmp_path, policy=replace(QUICK, connections=8))
        outcome = prefetch(requests, JOBS, places, heard)

    assert not outcome.failed
    used = max(event.connections for event in heard.of(Progress) if event.slug == "large-3")
    assert used > 16 // JOBS  # which is its share while four are under way
