"""Credentials are found by their form; what is none is left alone."""

from __future__ import annotations

import base64
import codecs
import random
import string
import time

import pytest

from restoration_models.check.secrets import committed, find, text_of
from restoration_models.revision import Blob
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


HEX = made(40, "0123456789abcdef")
UUID = "-".join(made(length, "0123456789abcdef") for length in (8, 4, 4, 4, 12))
PAIR = base64.b64encode(f"robot:{made(20)}".encode()).decode()
KEY = made(40, LETTERS + "+/")
MC = "the secret key of an mc command"
CURL = "a password given to curl"
HEADER = "a password in base 64"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(f"secret_key:\n    {KEY}", "a text given to 'secret_key'", id="yaml, next line"),
        pytest.param(f"secret_key: >-\n    {KEY}", "a text given to 'secret_key'", id="yaml, folded"),
        pytest.param(f'password = (\n    "{KEY}"\n)', "a text given to 'password'", id="python, next line"),
        pytest.param(
            f'os.environ["DB_PASSWORD"] = "{KEY}"', "a text given to 'DB_PASSWORD'", id="environment"
        ),
        pytest.param(f'secret: str = "{KEY}"', "a text given to 'secret'", id="annotated"),
        pytest.param(f"models store login --secret-key {KEY}", "a text given to 'secret-key'", id="option"),
        pytest.param(f"mc alias set team https://s3.team.lan maintainer {KEY}", MC, id="mc alias"),
        pytest.param(
            f"mc --json alias set team \\\n  https://s3.team.lan maintainer '{KEY}'", MC, id="mc lines"
        ),
        pytest.param(f"mc admin user add team reader {KEY}", MC, id="mc user"),
        pytest.param(f"curl -s -u robot:{made(20)} https://git.team.lan/x", CURL, id="curl"),
        pytest.param(f"curl https://git.team.lan \\\n  --user 'robot:{made(20)}'", CURL, id="curl, lines"),
        pytest.param(f"Authorization: Bearer {made(40)}", "a bearer token", id="bearer"),
        pytest.param(f"headers = {{'Authorization': 'Basic {PAIR}'}}", HEADER, id="basic"),
        pytest.param(f'"git.team.lan": {{"auth": "{PAIR}"}}', HEADER, id="docker"),
        pytest.param(
            f'Minio("s3.team.lan", "maintainer", "{KEY}")', "a secret key given to a client", id="minio"
        ),
        pytest.param(
            f'credentials.NewStaticV4("maintainer",\n  "{KEY}", "")',
            "a secret key given to a client",
            id="go",
        ),
        pytest.param(f"<secretKey>{KEY}</secretKey>", "a text given to 'secretKey'", id="xml"),
        pytest.param(f"const token = `{made(30)}`", "a text given to 'token'", id="backticks"),
        pytest.param(f"password = '''{made(20)}'''", "a text given to 'password'", id="three quotes"),
        pytest.param(f"DB_PASS={made(20)}", "a text given to 'DB_PASS'", id="pass"),
        pytest.param(f"DB_PWD={made(20)}", "a text given to 'DB_PWD'", id="pwd"),
        pytest.param(f"passphrase: {made(20)}", "a text given to 'passphrase'", id="passphrase"),
        pytest.param(f"contrasena: {made(20)}", "a text given to 'contrasena'", id="spanish, plain"),
        pytest.param(
            f"AccountName=team;AccountKey={made(86)}==;", "a text given to 'AccountKey'", id="azure"
        ),
        pytest.param(
            f"password: {KEY[20:28]}#{KEY[:4]}${KEY[4:9]}(", "a text given to 'password'", id="signs"
        ),
        pytest.param(
            f'password: "{KEY[20:27]}#{KEY[:6]}("', "a text given to 'password'", id="signs, quoted"
        ),
        pytest.param(
            f"https://{made(30)}@git.team.lan/x.git", "a token in an address", id="token in address"
        ),
        pytest.param(
            f"machine s3.team.lan\n  login robot\n  password {made(16)}", "a password of a netrc", id="netrc"
        ),
        pytest.param("GOC" + f"SPX-{made(28)}", "a Google client secret", id="google client"),
        pytest.param(
            "https://hooks.slack.com/" + f"services/T{made(8)}/B{made(8)}/{made(24)}",
            "a Slack webhook",
            id="slack hook",
        ),
        pytest.param(
            "https://discord.com/api/" + f"webhooks/{made(18, string.digits)}/{made(68)}",
            "a Discord webhook",
            id="discord hook",
        ),
        pytest.param(
            f'- "https://cdn.team.lan/x?private-token={made(20)}"', "a credential in an address", id="query"
        ),
        pytest.param(
            f'- "https://cdn.team.lan/x?a=1;sig={made(43)}%3D"', "a credential in an address", id="signature"
        ),
        pytest.param(f"<https://cdn.team.lan/x;hmac={HEX}/y>", "a credential in an address", id="path"),
        pytest.param(f"WANDB_API_KEY={HEX}", "a text given to 'WANDB_API_KEY'", id="hex"),
        pytest.param(f"client_secret = '{UUID}'", "a text given to 'client_secret'", id="uuid"),
        pytest.param(
            "MINIO_ROOT_PASSWORD=minioadmin" + "123",
            "a text given to 'MINIO_ROOT_PASSWORD'",
            id="word and number",
        ),
    ],
)
def test_credentials_as_programs_and_people_write_them(text: str, kind: str) -> None:
    assert find(f"# a file\n\n  {text}\n") == [(3, kind)]


def test_a_value_on_the_next_line_is_pardoned_on_either() -> None:
    for text in (f"secret_key: # not a secret\n  {KEY}\n", f"secret_key:\n  {KEY}  # not a secret\n"):
        assert find(text) == []
    assert find(f"secret_key:\n  {KEY}\n# not a secret\n") == [(1, "a text given to 'secret_key'")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_file_that_windows_wrote_is_text(encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    content = mark + f"secret_key = {KEY}\r\n".encode(encoding)
    blob = Blob("notes.txt", len(content))

    assert [problem.line for problem in committed([blob], {"notes.txt": content})] == [1]


def test_what_is_no_text_is_not_read() -> None:
    assert text_of(b"\x89PNG\0" + KEY.encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "secret_key:\n  from-the-environment-of-the-job",
        "secrets:\n  endpoint: ${{ secrets.MODELS_ENDPOINT }}",
        "the --password-file option wants 2-or-more-words99 here",
        "mc alias set team https://s3.team.lan maintainer $SECRET_KEY",
        "mc alias set local http://127.0.0.1:9000 minioadmin minioadmin" + "123",
        "mc alias set team https://s3.team.lan <access key> <secret key>",
        "curl -u $USER:$PASSWORD https://git.team.lan/x",
        "curl --user robot:password https://git.team.lan/x",
        "Authorization: Bearer $TOKEN_OF_THE_ROBOT",
        "Authorization: Bearer {token_of_the_robot}",
        "the bearer authentication-scheme-of-http",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "basic configuration",
        '"auth": "configuration"',
        'Minio("s3.team.lan", access_key, secret_key)',
        'Minio("s3.team.lan", "minioadmin", "minioadmin")',
        "<secretKey>from-the-store</secretKey>",
        "password = f'{first}{second}-{third}'",
        "password: ${MODELS_PASSWORD_2}-x1",
        "password = generate(length20)",
        "password = base64.b64decode(text2, validate)",
        "secret_sha256 = " + HEX + made(24, "0123456789abcdef"),
        "password_hash: " + HEX,
        "compass = " + made(20),
        "PWD=/home/robot1/models",
        "https://models-of-the-team@git.team.lan/x.git",
        "https://drive.google.com/uc?id=1uuejKpyo0G_5M4DAO2J9_Dijy550tjc5",
        f"https://s3.team.lan/x?versionId={KEY}&key=models/restormer/x.pth",
        "https://cdn.team.lan/x?token=$TOKEN_OF_2",
        "machine s3.team.lan login robot password <password>",
        "password: test12345678",
        'secret_key="a-long-enough-secret"',
    ],
)
def test_what_looks_like_those_and_is_none(text: str) -> None:
    assert find(f"{text}\n") == []


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
        "mc alias set " * 40_000,
        "mc alias set " + "-x " * 150_000,
        "curl " * 50_000,
        "curl " + "-u x" * 100_000,
        'Minio("a", ' * 40_000,
        "machine a login b " * 30_000,
        "basic auth " * 50_000,
    ],
    ids=[
        "names",
        "assignments",
        "addresses",
        "one value",
        "dashes",
        "mc",
        "mc options",
        "curl",
        "curl options",
        "clients",
        "netrc",
        "base 64",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.perf_counter()
    find(text)

    assert time.perf_counter() - begin < 5
