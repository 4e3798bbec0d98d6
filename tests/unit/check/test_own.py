"""What steers DVC is the project's own; a team's server and nothing else may differ."""

from __future__ import annotations

import pytest

from restoration_models import shipped
from restoration_models.check.own import foreign
from restoration_models.revision import Blob
from support.servers import REPOSITORY

REMOTE = 'remote "minio"'


def problems(config: str | None = None, **more: str) -> list[str]:
    """What is found in a repository of one layer; `more` names files by their paths."""
    files = {
        "dvc.yaml": shipped.root_pipeline(),
        "layers/layer-1/dvc.yaml": shipped.layer_pipeline(),
        ".dvc/config": shipped.dvc_config() if config is None else config,
        **more,
    }
    contents = {path: text.encode() for path, text in files.items()}
    blobs = {path: Blob(path, len(content)) for path, content in contents.items()}
    found = [*foreign(blobs, contents, ("layer-1",))]
    assert all(problem.remedy for problem in found)
    return [str(problem).partition(";")[0] for problem in found]


def config(old: str, new: str) -> str:
    text = shipped.dvc_config()
    assert old in text
    return text.replace(old, new)


def test_the_repositorys_own_files_are_what_the_package_ships() -> None:
    assert (REPOSITORY / "dvc.yaml").read_text() == shipped.root_pipeline()
    assert {path.read_text() for path in REPOSITORY.glob("layers/*/dvc.yaml")} == {shipped.layer_pipeline()}
    assert (REPOSITORY / ".dvc" / "config").read_text() == shipped.dvc_config()


def test_the_projects_own_is_fine() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://127.0.0.1:9000", "https://minio.team.example"),
        ("s3://models/dvc", "s3://team-models/some/prefix"),
        ("    verify = true", "    verify = true\n    region = eu-west-1\n    ssl_verify = /etc/ca.pem"),
        ("# Bytes that come", "# Los bytes que vienen"),
        ("remote = minio\n", "remote = team\n"),
    ],
)
def test_a_team_names_its_server(old: str, new: str) -> None:
    text = config(old, new)
    if "remote = team" in text:
        text = text.replace(REMOTE, 'remote "team"')

    assert problems(text) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "verify = true",
            "verify = false",
            f".dvc/config:18: {REMOTE}.verify: must be true: bytes from the store",
        ),
        ("    verify = true\n", "", f".dvc/config: {REMOTE}.verify: must be true: bytes from the store"),
        ("list = append", "list = nargs", ".dvc/config:12: parsing.list: must be append"),
        ("autostage = false", "autostage = true", ".dvc/config:8: core.autostage: must be false"),
        ("[parsing]", "[core2]", ".dvc/config: parsing: this section is missing"),
        (
            "    verify",
            "    secret_access_key = abc\n    verify",
            f".dvc/config:18: {REMOTE}.secret_access_key: a credential is committed to git",
        ),
        ("s3://models/dvc", "ssh://host/dvc", f".dvc/config:14: {REMOTE}.url: must be s3://BUCKET/PREFIX"),
        (
            "http://127.0.0.1:9000",
            "http://a:b@minio",
            f".dvc/config:16: {REMOTE}.endpointurl: must be http://HOST:PORT or https://HOST",
        ),
        (
            "[cache]",
            "[cache]\n    dir = /shared",
            ".dvc/config:10: cache.dir: this setting is not one of the project's",
        ),
        (
            "    verify = true",
            "    verify = true\n    ssl_verify = false",
            f".dvc/config:19: {REMOTE}.ssl_verify: switches the check of the server's certificate off",
        ),
        (
            "[parsing]",
            "['remote \"other\"']\n    url = /srv\n    verify = true\n[parsing]",
            '.dvc/config:12: remote "other".url: must be s3://BUCKET/PREFIX',
        ),
        ("[core]", "[core", ".dvc/config: not in the format of DVC's configuration"),
    ],
)
def test_everything_else_is_the_projects(old: str, new: str, found: str) -> None:
    assert any(problem.startswith(found) for problem in problems(config(old, new))), problems(
        config(old, new)
    )


def test_a_machines_own_settings_are_not_committed() -> None:
    [problem] = problems(**{".dvc/config.local": "[core]\n"})

    assert problem == ".dvc/config.local: one machine's own settings and keys are committed to git"


def test_another_command_is_shown_with_its_line() -> None:
    text = shipped.layer_pipeline().replace("cmd: models validate", "cmd: sh -c x; models validate")

    assert problems(**{"layers/layer-1/dvc.yaml": text}) == [
        "layers/layer-1/dvc.yaml:13: not the project's own pipeline: `dvc repro` would run other commands"
    ]


@pytest.mark.parametrize("path", ["more/dvc.yaml", "weights.pth.dvc", "layers/layer-1/a/dvc.yaml"])
def test_stages_elsewhere_are_none_of_the_projects(path: str) -> None:
    assert problems(**{path: "stages: {}\n"}) == [f"{path}: stages of DVC that are not the project's own"]


def test_a_layer_without_its_pipeline() -> None:
    contents = {".dvc/config": shipped.dvc_config().encode(), "dvc.yaml": shipped.root_pipeline().encode()}
    blobs = {path: Blob(path, 1) for path in contents}

    assert [str(problem) for problem in foreign(blobs, contents, ("layer-1",))] == [
        (
            "layers/layer-1/dvc.yaml: the pipeline's file is missing; "
            "restore it with `git checkout`, or copy another layer's"
        )
    ]
