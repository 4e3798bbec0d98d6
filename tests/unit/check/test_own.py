"""What steers DVC is the project's own; a team's server and nothing else may differ."""

from __future__ import annotations

import pytest

from restoration_models import shipped
from restoration_models.check.own import foreign
from restoration_models.revision import Blob
from support.servers import REPOSITORY

REMOTE = 'remote "minio"'
IGNORED = {
    name: (REPOSITORY / name).read_text(encoding="utf-8") for name in (".gitignore", ".dvc/.gitignore")
}


def problems(config: str | None = None, **more: str) -> list[str]:
    """What is found in a repository of one layer; `more` names files by their paths."""
    files = {
        "dvc.yaml": shipped.root_pipeline(),
        "layers/layer-1/dvc.yaml": shipped.layer_pipeline(),
        ".dvc/config": shipped.dvc_config() if config is None else config,
        ".dvcignore": shipped.dvc_ignore(),
        **IGNORED,
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
    assert (REPOSITORY / ".dvcignore").read_text() == shipped.dvc_ignore()


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


def test_what_dvc_passes_over_is_the_projects_own() -> None:
    """A line `layers` in it, and DVC sees no stage at all."""
    assert problems(**{".dvcignore": shipped.dvc_ignore() + "layers\n"}) == [
        ".dvcignore:8: not the project's own: it decides which files and stages DVC sees"
    ]
    assert problems(**{".dvcignore": shipped.dvc_ignore().replace("\n", "\r\n")}) == []
    assert problems(**{"layers/layer-1/.dvcignore": "*\n"}) == [
        "layers/layer-1/.dvcignore: hides files from DVC that the project shows it"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "more/dvc.yaml",
        "weights.pth.dvc",
        "layers/layer-1/a/dvc.yaml",
        "a\nb/dvc.yaml",
        "tests\n/dvc.yaml",
        "a\n/w.dvc",
        ".dvc",
    ],
)
def test_stages_elsewhere_are_none_of_the_projects(path: str) -> None:
    place = path.replace("\n", " ")
    assert problems(**{path: "stages: {}\n"}) == [f"{place}: stages of DVC that are not the project's own"]


def test_a_link_may_lead_to_stages() -> None:
    files = {"w.dvc": Blob("w.dvc", 1, regular=False)}
    found = [problem.file for problem in foreign(files, {}, ()) if "stages" in problem.what]

    assert found == ["w.dvc"]


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        (
            ".dvc/.gitignore",
            "/config.local\n",
            "",
            "/config.local: this line is missing: git would take keys",
        ),
        (".dvc/.gitignore", "/cache", "# /cache", "/cache: this line is missing: git would take weights"),
        (".gitignore", "/.store/\n", "", "/.store/: this line is missing: git would take keys"),
        (
            ".gitignore",
            "!/layers/*/*/README.md\n",
            "",
            "!/layers/*/*/README.md: this line is missing: git would leave evidence behind",
        ),
    ],
)
def test_what_git_is_to_pass_over(path: str, old: str, new: str, found: str) -> None:
    assert old in IGNORED[path]
    assert problems(**{path: IGNORED[path].replace(old, new)}) == [f"{path}: {found}"]


def test_the_exceptions_stand_below_what_they_except() -> None:
    text = IGNORED[".gitignore"].replace("/layers/*/*/*\n", "") + "/layers/*/*/*\n"
    line = "must come below the lines before it: git would leave evidence behind"

    assert problems(**{".gitignore": text})[0] == f".gitignore: !/layers/*/*/README.md: {line}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitignore", "!*.pth\n"),
        (".gitignore", "!/layers/*/*/*.pth\n"),
        (".gitignore", "!.store/\n"),
        (".dvc/.gitignore", "!config.local\n"),
        ("layers/layer-1/.gitignore", "!/cleaner/*.pth\n"),
    ],
)
def test_no_line_takes_it_back(path: str, text: str) -> None:
    whole = IGNORED.get(path, "") + text
    line = whole.count("\n")
    what = "takes back what git is to pass over: keys or weights could be committed"

    assert problems(**{path: whole}) == [f"{path}:{line}: {what}"]


def test_a_team_ignores_what_it_likes() -> None:
    own = IGNORED[".gitignore"].replace("\n", "\r\n") + "/notes/*\n!/notes/README.md\n*.swp\n"
    layer = {"layers/layer-1/.gitignore": "/scratch\n", "docs/.gitignore": "!kept\n"}

    assert problems(**{".gitignore": own}, **layer) == []


def test_a_layer_without_its_pipeline() -> None:
    own = {
        ".dvc/config": shipped.dvc_config(),
        ".dvcignore": shipped.dvc_ignore(),
        "dvc.yaml": shipped.root_pipeline(),
        **IGNORED,
    }
    contents = {path: text.encode() for path, text in own.items()}
    blobs = {path: Blob(path, 1) for path in contents}

    assert [str(problem) for problem in foreign(blobs, contents, ("layer-1",))] == [
        (
            "layers/layer-1/dvc.yaml: the pipeline's file is missing; "
            "restore it with `git checkout`, or copy another layer's"
        )
    ]
