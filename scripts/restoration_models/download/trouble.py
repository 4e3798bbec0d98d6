"""How an attempt at a source can end without the file. Inside this package only."""

from __future__ import annotations


class Transient(Exception):  # a turn of events, not a failure yet
    """It may work in a moment."""

    def __init__(self, reason: str, *, unreachable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unreachable = unreachable
        """The host could not even be talked to: few quick retries, then the next source."""
        self.retry_after = retry_after
        """Seconds that the server asked for."""
        self.crowded = False
        """The server may only mind that there are several connections."""
        self.stale = False
        """An address that had served for a while expired: part of the game, not counted as a failure."""


class Late(TimeoutError):
    """An answer whose headers were still coming when the patience for all of them was at its end."""


class Disqualified(Exception):
    """This source will not deliver the file; the reason is a sentence's end."""

    def __init__(self, reason: str, *, other_bytes: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.other_bytes = other_bytes
        """It delivered, or offers, another file than the catalogue declares."""


class Changed(Exception):
    """The file on the server became another one between two ranges."""


class Stopped(Exception):
    """Someone asked the download to stop; what is there stays for the next run."""
