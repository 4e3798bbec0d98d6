"""What errors and problems say."""

from __future__ import annotations

from restoration_models.errors import ModelProblem, Problem, ProblemsFound, UsageProblem, WorldFailure


def test_an_error_says_where_what_and_what_to_do() -> None:
    assert str(ModelProblem("it broke")) == "it broke"
    assert str(ModelProblem("it broke", where="uvdoc")) == "uvdoc: it broke"
    assert str(ModelProblem("it broke", where="uvdoc", remedy="mend it")) == "uvdoc: it broke; mend it"


def test_kinds_decide_the_exit_status() -> None:
    assert (ModelProblem.status, UsageProblem.status, WorldFailure.status) == (1, 2, 3)


def test_a_problem_is_a_line_with_its_place() -> None:
    assert str(Problem("a.yaml", 3, "b.c", "is wrong", "mend it")) == "a.yaml:3: b.c: is wrong; mend it"
    assert str(Problem("a.yaml", 0, "", "is missing")) == "a.yaml: is missing"


def test_problems_are_sorted_by_place() -> None:
    problems = [
        Problem("b", 1, "", "x"),
        Problem("a", 10, "", "x"),
        Problem("a", 9, "z", "x"),
        Problem("a", 9, "y", "x"),
    ]
    found = ProblemsFound(problems, remedy="mend them")
    assert [(each.file, each.line, each.key) for each in found.problems] == [
        ("a", 9, "y"),
        ("a", 9, "z"),
        ("a", 10, ""),
        ("b", 1, ""),
    ]
    assert str(found) == "4 problems found; mend them"
    assert str(ProblemsFound(problems[:1])) == "1 problem found"
