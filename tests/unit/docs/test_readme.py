"""README.md is true: its commands exist, its links lead somewhere, its figures are the catalogue's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from restoration_models import catalogue
from restoration_models.cli.app import app
from restoration_models.project import Project

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```sh\n(.*?)```", README, re.DOTALL) + re.findall(r"`(models [^`]+)`", README)


def commands() -> dict[str, set[str]]:
    """Every command of ``models`` with the options it takes."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        children = getattr(command, "commands", None)
        if children is not None:
            for child, sub in children.items():
                walk(sub, f"{name} {child}".strip())
            return
        options = {option for parameter in command.params for option in parameter.opts}
        found[name] = options | {"--help", "--traceback"}

    walk(typer.main.get_command(app), "")
    return found


COMMANDS = commands()
USED = sorted(
    {line.strip() for block in CODE for line in block.splitlines() if line.strip().startswith("models ")}
)


@pytest.mark.parametrize("line", USED)
def test_a_command_of_the_readme_exists_with_its_options(line: str) -> None:
    words = re.split(r"\s[#<|&]|\s\d?>", line)[0].split()[1:]
    if words[0].startswith("-"):
        return
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS), None)
    assert name, f"{line}: there is no such command"
    options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert options <= COMMANDS[name], line


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_readme_and_has_help(name: str) -> None:
    assert f"models {name}" in README
    command = typer.main.get_command(app)
    for part in name.split():
        command = command.commands[part]
    assert command.help
    undocumented = [
        p.name for p in command.params if getattr(p, "opts", [""])[0].startswith("-") and not p.help
    ]
    assert not undocumented


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)", README))))
def test_a_link_leads_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", README))))
def test_a_link_within_the_page_has_its_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_download_size_is_the_catalogues() -> None:
    models = catalogue.load(Project(ROOT)).models
    gigabytes = sum(model.size for model in models) / 1e9
    assert f"The {len(models)} models of the catalogue are {gigabytes:.2f} GB" in README


def test_every_old_name_leads_to_a_model_of_the_catalogue() -> None:
    slugs = {model.slug for model in catalogue.load(Project(ROOT)).models}
    section = README.partition("## Moving over")[2].partition("\n## ")[0]
    named = set(re.findall(r"layers/layer-\d/([a-z0-9-]+)/README\.md", section))
    assert named
    assert named <= slugs
