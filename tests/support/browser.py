"""Real headless Chromium, driven by playwright, and what a page did in it."""

from __future__ import annotations

import fcntl
import functools
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.go import ENVIRONMENT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 600
SCREENSHOTS = "MODELS_SCREENSHOTS"
"""A folder that screenshots are written to, for people to look at."""
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def program() -> str | None:
    """A Chromium: the one that CHROMIUM names, or from PATH."""
    if named := ENVIRONMENT.get("CHROMIUM"):
        return named
    found = (shutil.which(name, path=ENVIRONMENT.get("PATH")) for name in NAMES)
    return next(filter(None, found), None)


def require() -> str:
    """A Chromium; without one the test is skipped, and where CI=true it is installed, or the test fails.

    Playwright's own browsers come from a host of their own; a system's packages have Chromium too.
    """
    found = program()
    if found is None and os.environ.get("CI") == "true":
        found = _installed()
    if found is None:
        why = f"none of {', '.join(NAMES)} is on PATH, and CHROMIUM names none"
        if os.environ.get("CI") == "true":
            pytest.fail(f"a Chromium is required here: {why}")
        pytest.skip(f"no Chromium: {why}")
    return found


def _installed() -> str | None:
    """Install Debian's chromium where that is possible, one worker of the test run at a time."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    with (Path(tempfile.gettempdir()) / "restoration-models-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program() is None:
            _apt("update")
            _apt("install", "--yes", "--no-install-recommends", "chromium")
    return program()


def _apt(*arguments: str) -> None:
    subprocess.run(
        ["apt-get", *arguments],
        env={**ENVIRONMENT, "DEBIAN_FRONTEND": "noninteractive"},
        check=False,  # whether it is there afterwards is what counts
        capture_output=True,
        timeout=INSTALL_SECONDS,
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a file of tests; each test opens a context of its own in it.

    Not for the session: while it is there, playwright has an event loop running in this thread, and
    whatever else wants to run one in a later test could not.
    """
    executable = require()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page in a context of its own, with all that it asked for and complained of."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": WIDE, "locale": "es-ES", **options})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._asked)

    def _heard(self, message: Any) -> None:
        # What the policy refuses is told here as well.
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, address: str) -> Any:
        """Go to `address`, and return the page when it has drawn itself."""
        self.page.goto(address)
        self.page.wait_for_selector("h1:visible")
        return self.page

    def close(self) -> None:
        self.context.close()


def turn(page: Any, hash_: str) -> None:
    """Go to another view of the page, as by a link."""
    page.evaluate(
        """hash => new Promise((done) => {
            if ((location.hash || "#") === hash) return done();
            addEventListener("hashchange", () => requestAnimationFrame(done), {once: true});
            location.hash = hash;
        })""",
        f"#{hash_}",
    )


def titled(page: Any, heading: str) -> None:
    """Wait for the view under `heading`: what a click opens, the page draws a moment later."""
    page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()


def shot(page: Any, name: str, *, full: bool = False) -> None:
    """Write a screenshot, where somebody wants to see it."""
    if folder := os.environ.get(SCREENSHOTS):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=full)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base's
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server of `folder` on loopback; its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
