"""The real hosts' names and manners, over TLS, with nothing replaced in the code under test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restoration_models.download import DownloadFailed, SourceUnavailable, fetch, inspect
from restoration_models.download.events import SourceFailed
from restoration_models.sources import parse
from support.downloads import QUICK, Remembering, content, names, places, request, sha256
from support.origin import Faults, Origin, Resource

DATA = content()
GITHUB = "https://github.com/swz30/Restormer/releases/download/v1.0/deraining.pth"
HUB = (
    "https://huggingface.co/deepinv/Restormer/resolve/aa2667c79d766b67da2c1489c7ce5f0423bae798/deraining.pth"
)
DRIVE = "1uuejKpyo0G_5M4DAO2J9_Dijy550tjc5"


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch):
    with Origin() as origin:
        for name, value in origin.environ().items():
            monkeypatch.setenv(name, value)
        yield origin


def test_github_release(tmp_path: Path, origin: Origin) -> None:
    """The signed address behind the redirect serves every range; the front door is asked once."""
    url = origin.github(GITHUB, DATA)
    got = fetch(request(DATA, url, folder=tmp_path), places(tmp_path))
    assert got.path.read_bytes() == DATA
    assert got.origin == url
    assert len(origin.seen(GITHUB)) == 1
    assert len(DATA) <= got.bytes_fetched < 1.2 * len(DATA)


def test_github_signature_expires(tmp_path: Path, origin: Origin) -> None:
    """A signed address that is no longer accepted is asked for again, not held against the source."""
    url = origin.github(GITHUB, DATA, uses=3)
    got = fetch(request(DATA, url, folder=tmp_path), places(tmp_path, replace(QUICK, retries=3)))
    assert got.path.read_bytes() == DATA
    assert len(origin.seen(GITHUB)) > 1


def test_an_address_that_expires_after_each_drip_is_given_up(tmp_path: Path, origin: Origin) -> None:
    """Asking for a new one is free where the former has served, which a byte after a while is not."""
    url = origin.github(GITHUB, DATA, Faults(piece=(1, 0.03), times=30), uses=1)
    at = places(tmp_path, replace(QUICK, retries=3, connections=1))
    with pytest.raises(DownloadFailed, match="no longer accepts the address it redirected to"):
        fetch(request(DATA, url, folder=tmp_path), at)
    assert len(origin.seen(GITHUB)) < 10


def test_hugging_face(tmp_path: Path, origin: Origin) -> None:
    url = origin.hub(HUB, DATA)
    got = fetch(request(DATA, url, folder=tmp_path), places(tmp_path))
    assert got.path.read_bytes() == DATA


@pytest.mark.parametrize(
    "address", [f"https://drive.google.com/uc?id={DRIVE}", f"https://drive.google.com/file/d/{DRIVE}/view"]
)
def test_drive_confirmation(tmp_path: Path, origin: Origin, address: str) -> None:
    """Past the page about viruses, in ranges like any other file."""
    origin.drive(DRIVE, DATA)
    got = fetch(request(DATA, address, folder=tmp_path), places(tmp_path))
    assert got.path.read_bytes() == DATA
    assert len([one for one in origin.seen() if one.status == 206]) > 1


def test_drive_reset_and_resumed(tmp_path: Path, origin: Origin) -> None:
    url = origin.drive(DRIVE, DATA, Faults(reset_at=20_000))
    at, wanted = (
        places(tmp_path, replace(QUICK, connections=1, retries=0, refill=1 << 30)),
        request(DATA, url),
    )
    with pytest.raises(DownloadFailed):
        fetch(wanted, at)
    kept = at.partial(wanted.sha256).exists()
    origin.drive(DRIVE, DATA)
    got = fetch(wanted, at)
    assert kept
    assert got.resumed + got.bytes_fetched == len(DATA)
    assert got.resumed >= 20_000


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (
            "<html><head><title>Google Drive - Quota exceeded</title></head><body>Too many users</body>",
            "the file's download quota on Google Drive is used up (it is lifted within a day)",
        ),
        (
            '<html><a href="https://accounts.google.com/ServiceLogin">Sign in</a>',
            "Google Drive asks for a login: the file is not shared with anyone who has the link",
        ),
        ("<html><body>You need access</body></html>", "Google Drive asks for permission"),
        ("<html><body>something new</body></html>", "Google Drive answered a page that leads to no file"),
        (
            '<html><form id="download-form" action="https://evil.example/download"></form></html>',
            "Google Drive's confirmation page leads away from Google",
        ),
    ],
)
def test_drive_refuses(tmp_path: Path, origin: Origin, page: str, sentence: str) -> None:
    url = origin.drive(DRIVE, DATA, page=page)
    heard = Remembering()
    with pytest.raises(DownloadFailed):
        fetch(request(DATA, url), places(tmp_path), heard)
    (failed,) = heard.of(SourceFailed)
    assert failed.reason.startswith(sentence)


def test_login_elsewhere(tmp_path: Path, origin: Origin) -> None:
    origin.put("https://drive.google.com/uc", Resource(b"", Faults(redirect="https://accounts.google.com/x")))
    with pytest.raises(DownloadFailed, match="asks for a login"):
        fetch(request(DATA, f"https://drive.google.com/uc?id={DRIVE}"), places(tmp_path))


def test_tokens_stay_with_their_host(tmp_path: Path, origin: Origin) -> None:
    url = origin.hub(HUB, DATA)
    elsewhere = origin.add("https://mirror.example/deraining.pth", DATA)
    tokens = {"HF_TOKEN": "hf_secret", "GITHUB_TOKEN": "gh_secret"}
    fetch(request(DATA, url), places(tmp_path / "a", environ=tokens))
    fetch(request(DATA, elsewhere), places(tmp_path / "b", environ=tokens))
    carried = {one.host: one.headers.get("Authorization") for one in origin.seen()}
    assert carried == {
        "huggingface.co": "Bearer hf_secret",
        "cas-bridge.xethub.hf.co": None,
        "mirror.example": None,
    }


def test_expired_token_is_left_out(tmp_path: Path, origin: Origin) -> None:
    """A public file stays public for those whose token has expired."""
    resource = Resource(DATA)
    resource.gate = lambda _: Faults(status=401) if "Authorization" in origin.log[-1].headers else None
    url = origin.put(HUB, resource)
    got = fetch(
        request(DATA, url), places(tmp_path, replace(QUICK, connections=1), environ={"HF_TOKEN": "old"})
    )
    assert got.sha256 == sha256(DATA)
    assert origin.seen()[0].status == 401


def test_closed_door_names_the_key(tmp_path: Path, origin: Origin) -> None:
    url = origin.add(HUB, b"", Faults(status=401))
    with pytest.raises(DownloadFailed, match=r"asks for a login \(401\); HF_TOKEN is not set"):
        fetch(request(DATA, url), places(tmp_path))


def test_netrc_is_not_read(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine mirror.example login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    fetch(request(DATA, origin.add("https://mirror.example/x", DATA)), places(tmp_path))
    assert all("Authorization" not in one.headers for one in origin.seen())


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("http://mirror.example/x", "redirects to an unencrypted address at mirror.example"),
        ("https://127.0.0.1/x", "redirects to this machine's own network (127.0.0.1)"),
        ("https://localhost:9/x", "redirects to this machine's own network (localhost)"),
        ("https://[::ffff:169.254.169.254]/latest", "redirects to this machine's own network"),
        ("http://169.254.169.254/latest", "redirects to this machine's own network (169.254.169.254)"),
        ("https://me:secret@mirror.example/x", "redirects to something that is no web address"),
    ],
)
def test_redirects_that_are_refused(tmp_path: Path, origin: Origin, target: str, sentence: str) -> None:
    url = origin.add("https://mirror.example/x", b"", Faults(redirect=target))
    with pytest.raises(DownloadFailed) as caught:
        fetch(request(DATA, url), places(tmp_path))
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


def test_host_behind_a_proxy_that_refuses(tmp_path: Path, origin: Origin) -> None:
    heard = Remembering()
    mirror = origin.add("https://mirror.example/x", DATA)
    got = fetch(request(DATA, "https://other.example/x", mirror), places(tmp_path), heard)
    assert got.origin == mirror
    (failed,) = heard.of(SourceFailed)
    assert failed.reason == "the proxy could not be used (it answered 502)"
    assert failed.following == "mirror.example"


def test_certificate_that_is_not_trusted(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.add("https://mirror.example/x", DATA)
    with Origin() as other:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca))
        with pytest.raises(DownloadFailed, match="its certificate is not trusted by this machine"):
            fetch(request(DATA, url), places(tmp_path))


def test_missing_bundle(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = origin.add("https://mirror.example/x", DATA)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(DownloadFailed, match=r"the file of trusted certificates .* is missing"):
        fetch(request(DATA, url), places(tmp_path))


class TestInspect:
    def test_hub_states_size_and_digest(self, tmp_path: Path, origin: Origin) -> None:
        offered = inspect(parse(origin.hub(HUB, DATA)), tmp_path, QUICK, {})
        assert (offered.size, offered.sha256, offered.resumable) == (len(DATA), sha256(DATA), True)

    def test_github(self, tmp_path: Path, origin: Origin) -> None:
        offered = inspect(parse(origin.github(GITHUB, DATA)), tmp_path, QUICK, {})
        assert (offered.size, offered.sha256, offered.resumable) == (len(DATA), None, True)

    def test_drive_past_its_page(self, tmp_path: Path, origin: Origin) -> None:
        offered = inspect(parse(origin.drive(DRIVE, DATA)), tmp_path, QUICK, {})
        assert (offered.size, offered.sha256, offered.resumable) == (len(DATA), None, True)

    def test_no_ranges(self, tmp_path: Path, origin: Origin) -> None:
        url = origin.add("https://mirror.example/x", DATA, Faults(ignore_range=True))
        assert inspect(parse(url), tmp_path, QUICK, {}).resumable is False

    def test_missing(self, tmp_path: Path, origin: Origin) -> None:
        url = origin.add("https://mirror.example/x", DATA, Faults(status=404))
        with pytest.raises(SourceUnavailable, match=r"does not have the file \(404\)") as caught:
            inspect(parse(url), tmp_path, QUICK, {})
        assert caught.value.where == "mirror.example"
        assert sum(one.sent for one in origin.seen()) == 0

    def test_local(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(DATA)
        assert inspect(parse("file:x"), tmp_path).size == len(DATA)
        assert inspect(parse("pypi:a==1/b"), tmp_path).size is None
        with pytest.raises(SourceUnavailable):
            inspect(parse("file:y"), tmp_path)


def test_nothing_is_left_behind(tmp_path: Path, origin: Origin) -> None:
    at = places(tmp_path)
    fetch(request(DATA, origin.hub(HUB, DATA), folder=tmp_path), at)
    assert names(at.inbox) == []
    assert names(tmp_path / "layer" / "model") == ["weights.pth"]
