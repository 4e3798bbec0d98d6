"""What `models check` says is to be done, done: on real DVC, beside a model that nobody can download."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from restoration_models.check import check
from support.reviewed import Reviewed
from support.servers import dvc


def another_purpose(repository: Reviewed) -> None:
    path = repository.project.layer_catalogue("layer-1")
    text = path.read_text()
    assert text.count('"purpose"') == 1
    path.write_text(re.sub(r'("purpose": *)"[^"]*"', r'\1"Cleans, and more"', text))


def edited_card(repository: Reviewed) -> None:
    """DVC itself knows nothing of a model's card: it would find its stage up to date."""
    path = repository.project.card("layer-1", "cleaner")
    path.write_text(path.read_text().replace("nafnet", "NAFNET, the best", 1))


@pytest.mark.parametrize("change", [another_purpose, edited_card])
def test_one_remedy_puts_cards_and_lock_right(
    repository: Reviewed, change: Callable[[Reviewed], None]
) -> None:
    change(repository)
    problems = check(repository.project, offline=True).problems
    commands = {command for one in problems for command in re.findall("`(dvc [^`]*)`", one.remedy)}

    assert len(commands) == 1, problems
    [command] = commands
    dvc(repository.root, *shlex.split(command)[1:])
    assert check(repository.project, offline=True).problems == ()
