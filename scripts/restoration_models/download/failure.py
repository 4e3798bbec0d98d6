"""When nothing delivers a file."""

from __future__ import annotations

from dataclasses import dataclass

from restoration_models.errors import ModelProblem, WorldFailure


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """Why one source was given up."""

    source: str
    reason: str
    other_bytes: bool = False
    """It has another file than the catalogue declares."""

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def _told(failures: tuple[SourceFailure, ...]) -> str:
    return " | ".join(str(failure) for failure in failures)


class DownloadFailed(WorldFailure):
    """No source delivered the file; each is listed with its reason."""

    def __init__(self, slug: str, failures: tuple[SourceFailure, ...]) -> None:
        self.slug, self.failures = slug, failures
        if not failures:
            super().__init__(
                "nowhere to download it from: it has no source, and neither cache nor store has it",
                where=slug,
                remedy="pull it (dvc pull); or, where it was never locked, put the file at "
                ".dvc/tmp/downloads/<its sha256> and run the command again, or give it a source",
            )
            return
        local = all(failure.source.startswith("file:") for failure in failures)
        see = "put the file there" if local else "check the network and run it again (it resumes)"
        super().__init__(
            f"no source delivered the file: {_told(failures)}",
            where=slug,
            remedy=f"{see}, or add a source to the catalogue",
        )


class WrongBytes(ModelProblem):
    """A source has a file, but not the declared one, and no other delivered it."""

    def __init__(self, slug: str, failures: tuple[SourceFailure, ...]) -> None:
        self.slug, self.failures = slug, failures
        super().__init__(
            f"no source delivered the declared file: {_told(failures)}",
            where=slug,
            remedy="compare the catalogue's size and sha256 with upstream: "
            "either they are wrong, or upstream replaced the file",
        )
