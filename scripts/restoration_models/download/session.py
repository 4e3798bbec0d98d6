"""The session of every request that follows redirects by hand, or not at all."""

from __future__ import annotations

import requests


class Unled(requests.Session):
    """A session to which no answer is a redirect.

    Told not to follow one, requests still prepares the request that would, and for that reads the
    body of the redirect whole and decoded into memory, however much it expands to.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Say that `resp` leads nowhere; whoever asked reads its headers."""
        del resp
        return None
