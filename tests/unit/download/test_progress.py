from __future__ import annotations

import io

from rich.console import Console

from restoration_models.cli.progress import DownloadProgress
from restoration_models.download import events

MB = 1_000_000
STORY = [
    events.Started("uvdoc", "github.com", 32 * MB),
    events.Retrying("uvdoc", "github.com", "could not be resolved", 0.0),
    events.Retrying("uvdoc", "github.com", "status 503", 30.0),
    events.SourceFailed("uvdoc", "github.com", "could not be resolved", "pypi:py-reform==0.1.3"),
    events.Started("uvdoc", "pypi:py-reform==0.1.3", 32 * MB),
    events.Resumed("uvdoc", 8 * MB, 32 * MB),
    *(events.Progress("uvdoc", n * MB, 32 * MB, 1) for n in range(8, 33)),
    events.Verified("uvdoc", "pypi:py-reform==0.1.3/x[0]", 32 * MB, 24 * MB),
    events.Waiting("other"),
    events.Verifying("other", "inbox", 999_999),
    events.SourceFailed("other", "the inbox", "delivered other bytes", None),
    events.Failed("other", "other: no source delivered the file"),
    events.Failed("third", "third: needs 5 MB of disk"),
]


def told(*, terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=60, color_system=None, _environ={})
    with DownloadProgress(console) as progress:
        for event in STORY:
            progress(event)
    return out.getvalue()


def test_log_has_a_line_each_tenth() -> None:
    assert told(terminal=False).splitlines() == [
        "uvdoc: downloading 32.0 MB from github.com",
        "uvdoc: github.com: status 503; trying again in 30 s",
        "uvdoc: github.com: could not be resolved; trying the next source: pypi:py-reform==0.1.3",
        "uvdoc: resuming: 8.0 MB of 32.0 MB are already here",
        *(f"uvdoc: {percent} % of 32.0 MB" for percent in range(30, 101, 10)),
        "uvdoc: verified, 32.0 MB from pypi:py-reform==0.1.3/x[0] (24.0 MB fetched)",
        "other: another process is downloading this file; waiting for it",
        "other: checking 1.0 MB (inbox)",
        "other: the inbox: delivered other bytes; there is no other source",
        "third: needs 5 MB of disk",
    ]


def test_terminal_has_bars_and_the_same_reasons() -> None:
    text = told(terminal=True)
    assert "uvdoc: github.com: could not be resolved; trying the next source: pypi:py-reform==0.1.3" in text
    assert "% of" not in text
    assert "\x1b[" in text
