from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.errors import ModelProblem
from restoration_models.plain import one_line
from restoration_models.sources import (
    KINDS,
    FileSource,
    GdriveSource,
    GithubSource,
    HttpsSource,
    HuggingFaceSource,
    PypiSource,
    SourceProblem,
    SourceRefused,
    parse,
)

GOOD = {
    "https://github.com/swz30/Restormer/releases/download/v1.0/deraining.pth": (GithubSource, "github.com"),
    "https://github.com/o/n/releases/latest/download/x.pth": (GithubSource, "github.com"),
    "https://github.com/tanguymagne/UVDoc/raw/4c9b82b537057aff2526e6dd118a847cdd0/model/best_model.pkl": (
        GithubSource,
        "github.com",
    ),
    "https://raw.githubusercontent.com/o/n/main/x.pth": (HttpsSource, "raw.githubusercontent.com"),
    "https://huggingface.co/deepinv/Restormer/resolve/main/a/b.pth": (
        HuggingFaceSource,
        "huggingface.co (deepinv/Restormer)",
    ),
    "https://huggingface.co/spaces/chuxiaojie/NAFNet/resolve/5964ed4955416df99210106b/x.pth": (
        HuggingFaceSource,
        "huggingface.co (spaces/chuxiaojie/NAFNet)",
    ),
    "https://huggingface.co/datasets/o/n/resolve/v1/x.pth?download=true": (
        HuggingFaceSource,
        "huggingface.co (datasets/o/n)",
    ),
    "https://drive.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9_Dijy550tjc5": (
        GdriveSource,
        "drive.google.com (1uuejKpy…)",
    ),
    "https://download.openmmlab.com/mmediting/x.pth": (HttpsSource, "download.openmmlab.com"),
    "https://mirror.example:8443/x.pth?version=2": (HttpsSource, "mirror.example:8443"),
    "http://127.0.0.1:9000/x": (HttpsSource, "127.0.0.1:9000"),
    "http://localhost/x": (HttpsSource, "localhost"),
    "http://[::1]:80/x": (HttpsSource, "[::1]:80"),
    "pypi:py-reform==0.1.3/py_reform/models/weights/best_model.pkl": (PypiSource, "pypi:py-reform==0.1.3"),
    "file:weights/x.pth": (FileSource, "file:weights/x.pth"),
    "file:/mnt/share/x.pth": (FileSource, "file:/mnt/share/x.pth"),
}

BAD = {
    "": "is no address that can be downloaded",
    "deraining.pth": "is no address that can be downloaded",
    "ftp://x.example/y": "is no address that can be downloaded",
    "s3://bucket/key": "is no address that can be downloaded",
    "https:/github.com/x": "is no address that can be downloaded",
    "https://": "names no host",
    "https://mirror.example": "names a host but no file",
    "https://mirror.example/": "names a host but no file",
    "https://mirror.example/a b": "holds a character that no address has",
    "https://mirror.example/x\n": "holds a character that no address has",
    "https://mirror.example:99999/x": "is no address",
    "https://mirror.example/x#part": "has a #fragment",
    "http://mirror.example/x": "is not encrypted",
    "http://127.0.0.1.example/x": "is not encrypted",
    "https://me:pw@mirror.example/x": "carries a user name or password",
    "https://tok@mirror.example/x": "carries a user name or password",
    "https://mirror.example/x?token=abc": 'carries a credential (the query key "token")',
    "https://mirror.example/x?a=1&X-Amz-Signature=abc": '(the query key "X-Amz-Signature")',
    "https://mirror.example/x?sig=abc": 'carries a credential (the query key "sig")',
    "https://github.com/o/n": "is not a file on GitHub",
    "https://github.com/o/n/blob/main/x.pth": "is a page that shows a file",
    "https://github.com/o/n/releases/tag/v1": "is not a file on GitHub",
    "https://huggingface.co/o/n": "is not a file on Hugging Face",
    "https://huggingface.co/o/n/blob/main/x": "is a page that shows a file",
    "https://drive.google.com/drive/folders/1ZEDDEVW0UgkpWi": "is a folder on Google Drive",
    "https://drive.google.com/uc?export=download": "names no file on Google Drive",
    "pypi:py-reform/x": "is no file in a package",
    "pypi:py-reform>=1/x": "is no file in a package",
    "pypi:-r==1/x": "is no file in a package",
    "pypi:a==1/../x": "does not name a member of a wheel",
    "pypi:a==1//x": "does not name a member of a wheel",
    "file:": "names no file",
    "file:///": "names no file",
    "file:folder/": "names no file",
    "file://server/share/x": "names a host or a relative path after //",
    "file:a%00b": "names no file",
}


@pytest.mark.parametrize("address", GOOD)
def test_kind_and_label(address: str) -> None:
    kind, label = GOOD[address]
    source = parse(address)
    assert type(source) is kind
    assert source.label == label
    assert parse(source.address) == source


@pytest.mark.parametrize("address", BAD)
def test_refused_with_a_reason(address: str) -> None:
    with pytest.raises(SourceProblem) as caught:
        parse(address)
    assert BAD[address] in caught.value.what
    assert isinstance(caught.value, ModelProblem)
    assert one_line(caught.value.address) in str(caught.value)


SECRET = "Qx7vTz4Wm9"
HERE = "https://mirror.example/x"
USER = "carries a user name or password"
CREDENTIAL = "carries a credential"
NO_KIND = "is no address that can be downloaded"
NAMES = (
    "token", "key", "api-key", "apiKey", "access-token", "private-token", "oauth_token", "x-access-token",
    "job_token", "refresh_token", "id_token", "sessionid", "PHPSESSID", "hdnts", "credential", "token[]",
    "token%20", "%74oken", "%2574oken", "a%26token", "client_secret", "AWSAccessKeyId", "GoogleAccessId",
    "X-Amz-Credential", "sig", "pass", "authkey",
)  # fmt: skip
# As its service writes it, but put together here: none stands in this file.
TOKENS = {
    "gh" + "p_" + "a1B2" * 9: "a GitHub token",
    "h" + "f_" + "abcdefghijklmnopq" * 2: "a Hugging Face token",
}
CREDENTIALS = {
    **{f"{HERE}?{name}={SECRET}": f"{CREDENTIAL} (the query key" for name in NAMES},
    f"{HERE}?token={SECRET}&file_id=5": CREDENTIAL,
    f"{HERE}?a=1;token={SECRET}": CREDENTIAL,
    f"{HERE}?Policy={SECRET}&Key-Pair-Id=A1": CREDENTIAL,
    f"{HERE};token={SECRET}": "(the name in its path",
    f"{HERE}%3Ftoken={SECRET}": CREDENTIAL,
    f"{HERE}/hmac={SECRET}/y": CREDENTIAL,
    f"{HERE}?from=https%3A%2F%2Fme%3A{SECRET}%40b.example%2Fy": "in an address inside it",
    f"{HERE}#token={SECRET}": "has a #fragment",
    f"{HERE}?token={SECRET}\u200b": "holds a character",
    f"https://me:{SECRET}@mirror.example/x?id=1": USER,
    f"https://{SECRET}@mirror.example/x": USER,
    f"https://me:{SECRET}%40mirror.example/": USER,
    f"https://{SECRET}%40mirror.example/x": USER,
    f"https://me:{SECRET}%2540mirror.example/x": "is no address",
    f"https://{SECRET}%2540mirror.example/x": "its host is percent-encoded",
    f"https://me:{SECRET}/1@mirror.example/x": "is no address",
    f"https://me:{SECRET}?1@mirror.example/x": "is no address",
    f"https://{SECRET}#@mirror.example/x": "has a #fragment",
    f"https://mirror.example:{SECRET}@/x": USER,
    f"http://me:{SECRET}@localhost/x": USER,
    f"HTTPS://me:{SECRET}@mirror.example/x": NO_KIND,
    f"https:me:{SECRET}@mirror.example/x": NO_KIND,
    f"me:{SECRET}@mirror.example/x": NO_KIND,
    f"ftp://me:{SECRET}@mirror.example/x": NO_KIND,
    f"s3://AK:{SECRET}@bucket/x": NO_KIND,
    f"file://me:{SECRET}@server/x": "names a host",
    f"file://server/{SECRET}@": "names a host",
    f"https://drive.google.com/uc?key={SECRET}&id=1uuejKpyo0G_5M4DAO2J9": CREDENTIAL,
    f"https://github.com/o/n/blob/main/x.pth?id=1&at={SECRET}": "is a page that shows a file",
}


@pytest.mark.parametrize("address", CREDENTIALS)
def test_refusal_repeats_no_secret(address: str) -> None:
    with pytest.raises(SourceProblem) as caught:
        parse(address)
    assert CREDENTIALS[address] in caught.value.what
    for told in (str(caught.value), caught.value.address):
        assert SECRET not in told


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "form", ["{}", f"{HERE}/{{}}/y", f"{HERE}?q={{}}", "https://{}@b.example/y", "pypi:a==1/{}", "file:/{}/y"]
)
def test_a_token_is_known_wherever_it_stands(form: str, token: str) -> None:
    with pytest.raises(SourceProblem) as caught:
        parse(form.format(token))
    assert f"{CREDENTIAL} ({TOKENS[token]})" in caught.value.what
    assert token not in str(caught.value)


@given(st.from_regex(r"(https?|HTTPS|ftp|file|pypi):/{0,3}[ -~]{0,40}", fullmatch=True), st.booleans())
def test_what_stands_before_an_at_or_behind_a_question_is_never_shown(address: str, before: bool) -> None:
    scheme, colon, rest = address.partition(":")
    whole = f"{scheme}{colon}//{SECRET}{rest.replace('?', '')}@h" if before else f"{address}?{SECRET}"
    assert SECRET not in str(SourceProblem(whole, "is wrong"))


@pytest.mark.parametrize(
    "query",
    [
        "download=1", "dl=1", "raw=true", "versionId=3sL4kqtJlcpXroDTDmJ", "rlkey=a1b2c3&dl=1", "id=5",
        "Revision=master&FilePath=a%2Fx.pth", "use_mirror=netix", "type=Model&format=SafeTensor",
        "author=x", "e=a1&download=1", "tokenizer=bert", "response-content-disposition=attachment",
        "sortkeyword=1", "site=x;download=1",
    ],
)  # fmt: skip
def test_what_mirrors_ask_for_is_accepted(query: str) -> None:
    assert parse(f"{HERE}?{query}").address == f"{HERE}?{query}"


def test_a_path_may_hold_signs() -> None:
    for path in ("@scope/a=1/x.pth", "a,b;v=2/x~1.pth", "key/token/x.pth", "monkey=1/x.pth"):
        assert parse(f"https://mirror.example/{path}").address == f"https://mirror.example/{path}"


@pytest.mark.parametrize(
    "address",
    [
        "https://drive.google.com/file/d/1uuejKpyo0G_5M4DAO2J9/view",
        "https://drive.google.com/file/d/1uuejKpyo0G_5M4DAO2J9/view?usp=sharing",
        "https://drive.google.com/file/d/1uuejKpyo0G_5M4DAO2J9",
        "https://drive.google.com/open?id=1uuejKpyo0G_5M4DAO2J9",
        "https://drive.google.com/uc?export=download&id=1uuejKpyo0G_5M4DAO2J9&confirm=t",
        "https://docs.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9",
        "https://drive.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9&resourcekey=0-a1B2c3D4e5F6g7H8",
        "https://drive.usercontent.google.com/download?id=1uuejKpyo0G_5M4DAO2J9&export=download&authuser=0",
    ],
)
def test_every_form_of_a_drive_file_is_one_source(address: str) -> None:
    assert parse(address) == parse("https://drive.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9")


def test_parts() -> None:
    hub = parse("https://huggingface.co/spaces/o/n/resolve/" + "a" * 40 + "/f/x.pth")
    assert isinstance(hub, HuggingFaceSource)
    assert (hub.repository, hub.revision, hub.pinned) == ("spaces/o/n", "a" * 40, True)
    main = parse("https://huggingface.co/o/n/resolve/main/x.pth")
    assert isinstance(main, HuggingFaceSource)
    assert not main.pinned
    wheel = parse("pypi:py-reform==0.1.3/py_reform/w/best.pkl")
    assert isinstance(wheel, PypiSource)
    assert (wheel.package, wheel.version, wheel.member) == ("py-reform", "0.1.3", "py_reform/w/best.pkl")
    assert wheel.requirement == "py-reform==0.1.3"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:a/b.pth", "/base/a/b.pth"),
        ("file:/a/b.pth", "/a/b.pth"),
        ("file:///a/b.pth", "/a/b.pth"),
        ("file://localhost/a%20b.pth", "/a b.pth"),
    ],
)
def test_where_a_file_lies(address: str, path: str) -> None:
    source = parse(address)
    assert isinstance(source, FileSource)
    assert source.locate(Path("/base")) == Path(path)


def test_kinds_have_distinct_names() -> None:
    assert sorted(kind.kind for kind in KINDS) == ["file", "gdrive", "github", "https", "huggingface", "pypi"]


@given(st.text(max_size=60) | st.from_regex(r"(https|http|pypi|file):[/ -~]{0,40}", fullmatch=True))
def test_any_text_parses_or_is_refused(address: str) -> None:
    """Nothing but a source or a `SourceProblem`, and a source's address means the same source."""
    try:
        source = parse(address)
    except SourceProblem:
        return
    assert parse(source.address) == source


def test_drive_page_without_a_file() -> None:
    drive = parse("https://drive.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9")
    assert isinstance(drive, GdriveSource)
    with pytest.raises(SourceRefused):
        drive.follow_page("<html></html>")
    followed = drive.follow_page(
        '<a href="/uc?export=download&amp;confirm=t&amp;id=1uuejKpyo0G">Download</a>'
    )
    assert followed == "https://docs.google.com/uc?export=download&confirm=t&id=1uuejKpyo0G"


def test_other_pages_lead_nowhere() -> None:
    source = parse("https://mirror.example/x")
    assert isinstance(source, HttpsSource)
    assert source.follow_page("<html></html>") is None


def test_facts_have_known_shapes() -> None:
    """Real addresses of the field, kept as a fixture beside this test."""
    listed = yaml.safe_load((Path(__file__).parent / "addresses.yaml").read_text(encoding="utf-8"))
    for kind, addresses in listed.items():
        assert {parse(address).kind for address in addresses} == {kind}
