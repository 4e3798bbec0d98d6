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


def test_the_largest_file_begins_and_ends_with_all_connections(tmp_path: Path) -> None:
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
    assert heard.of(Started)[0].slug == "large-3"
    used = max(event.connections for event in heard.of(Progress) if event.slug == "large-3")
    assert used > 16 // JOBS  # which is its share while four are under way
