"""Credentials are found by their form; what is none is left alone."""

from __future__ import annotations

import random
import string
import time

import pytest

from restoration_models.check.secrets import find
from support.servers import REPOSITORY, git

LETTERS = string.ascii_letters + string.digits


def made(length: int, alphabet: str = LETTERS, seed: int = 7) -> str:
    """A text like a secret; made here, so that none stands in this file."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


def pem(kind: str = "RSA ") -> str:
    return f"-----BEGIN {kind}PRIVATE " + f"KEY-----\n{made(64)}\n{made(64)}\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("AKIA" + made(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), "an AWS access key", id="aws"),
        pytest.param("ghp_" + made(36), "a GitHub token", id="github"),
        pytest.param("github_pat_" + made(82, LETTERS + "_"), "a GitHub token", id="github fine"),
        pytest.param("glpat-" + made(20), "a GitLab token", id="gitlab"),
        pytest.param("hf_" + made(34), "a Hugging Face token", id="huggingface"),
        pytest.param("xoxb-" + made(30, string.digits), "a Slack token", id="slack"),
        pytest.param("AIza" + made(35), "a Google key", id="google"),
        pytest.param("npm_" + made(36), "an npm token", id="npm"),
        pytest.param(f"eyJ{made(20)}.eyJ{made(30)}.{made(40)}", "a signed token (JWT)", id="jwt"),
        pytest.param(pem(), "a private key", id="rsa"),
        pytest.param(pem("OPENSSH "), "a private key", id="openssh"),
        pytest.param(pem("").replace("\n", "\\n"), "a private key", id="key in JSON"),
        pytest.param(f"postgres://models:{made(12)}@db.team.lan/x", "a password in an address", id="address"),
        pytest.param(f"https://robot:{made(20)}@git.team.lan/x.git", "a password in an address", id="https"),
        pytest.param(f"secret_access_key = {made(40)}", "a text given to 'secret_access_key'", id="ini"),
        pytest.param(f'MINIO_SECRET_KEY = "{made(24)}"', "a text given to 'MINIO_SECRET_KEY'", id="python"),
        pytest.param(f"minio.password: '{made(16)}'", "a text given to 'minio.password'", id="yaml"),
        pytest.param(f'"apiKey": "{made(32)}",', "a text given to 'apiKey'", id="json"),
        pytest.param(f"export TOKEN={made(30)}", "a text given to 'TOKEN'", id="shell"),
        pytest.param(f"contraseña = {made(18)}", "a text given to 'contraseña'", id="spanish"),
    ],
)
def test_a_credential_is_found_with_its_line(text: str, kind: str) -> None:
    assert find(f"# a file\n\n  {text}\n") == [(3, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "secret_key = os.environ['SECRET_KEY']",
        "secret_key: ${{ secrets.MODELS_READ_SECRET }}",
        "password = getpass.getpass('Password: ')",
        "MINIO_ROOT_PASSWORD=$MINIO_ROOT_PASSWORD",
        "aws_secret_access_key = AKIAIOSFODNN7EXAMPLE/wJalrXUtnFEMI/bPxRfiCYEXAMPLEKEY",
        "access_key_id = AKIAIOSFODNN7EXAMPLE",
        "password: <your password here, please>",
        "token: changeme-changeme-changeme",
        "tokenizer: bert-base-multilingual-cased",
        "secret-name: projects/models/store/endpoint",
        "secret_key=settings.store.secret_key",
        "token = sha256: 4cae18be0d6f5cd1d0c1a7ab8e4b0b19a9a4a4c4f0f5bbf1e9b7c1d2e3f4a5b6",
        "session_token: a8ca07e4-61ec-4399-99f4-19853801bcd5",
        "https://user:password@host.lan/",
        "https://user:$PASSWORD@host.lan/",
        "http://minioadmin:minioadmin@127.0.0.1:9000",
        "https://someone:hunter22@example.com/",
        "git@github.com:team/models.git",
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        "the header -----BEGIN PRIVATE " + "KEY----- and nothing after it",
        "def token(self, secret: SecretStr | None = None) -> str:",
    ],
)
def test_what_is_no_credential_is_left_alone(text: str) -> None:
    assert find(f"{text}\n") == []


def test_somebody_who_looked_may_say_so() -> None:
    line = f"secret_key = {made(40)}"

    assert find(f"{line}  # not a secret: of the server that tests start\n") == []
    assert find(f"# not a secret\n{line}\n") != []


def test_random_keys_are_found_whatever_they_are() -> None:
    alphabets = [LETTERS + "+/", LETTERS, string.ascii_lowercase + string.digits]
    keys = [made(40, alphabet, seed) for alphabet in alphabets for seed in range(200)]
    missed = [key for key in keys if not find(f"secret_access_key = {key}")]

    assert len(missed) <= 2


def test_this_repository_has_none() -> None:
    names = git(
        REPOSITORY, "ls-files", "-z", "--", "*.py", "*.md", "*.yaml", "*.yml", "*.toml", ".dvc"
    ).split("\0")
    found = {
        name: hits
        for name in names
        if name and (REPOSITORY / name).is_file()
        if (hits := find((REPOSITORY / name).read_text(encoding="utf-8", errors="replace")))
    }

    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "token" * 100_000,
        "secret_" * 70_000 + "=",
        "://a:b" * 80_000,
        "password=" + "a" * 400_000,
        "-" * 500_000,
    ],
    ids=["names", "assignments", "addresses", "one value", "dashes"],
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.perf_counter()
    find(text)

    assert time.perf_counter() - begin < 5
