"""What a model's card says, from the catalogue, the lock and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_models.cards import hub, snippets, tables
from restoration_models.cards.figures import short, size
from restoration_models.cards.markdown import Markdown, address, code, escape, join, link, link_file, literal
from restoration_models.catalogue import say
from restoration_models.lock import Standing, State
from restoration_models.sources import HuggingFaceSource, SourceProblem, parse
from restoration_models.tasks import Task

if TYPE_CHECKING:
    from restoration_models.cards.tables import Row
    from restoration_models.cards.texts import Texts
    from restoration_models.catalogue import Catalogue, Family, Licence, Model, Words
    from restoration_models.report import Measured, Report

UNREGISTERED = "unregistered"
THUMBNAIL = 480
"""Pixels across: three pages side by side are still told apart."""


class ModelCard:
    """The parts of a model's card, each ready for the template."""

    def __init__(self, catalogue: Catalogue, model: Model, standing: Standing, texts: Texts) -> None:
        self.catalogue = catalogue
        self.model = model
        self.standing = standing
        self.t = texts
        self.family: Family = catalogue.family(model)
        self.licence: Licence = catalogue.licence(model)
        self.report: Report | None = standing.report

    # The top.

    @property
    def front_matter(self) -> Markdown:
        """YAML between its ``---`` lines."""
        return Markdown(hub.model(self.catalogue, self.model, self.t))

    @property
    def title(self) -> Markdown:
        """The model's title, or its slug."""
        return self.say(self.model.title) if self.model.title else escape(self.model.slug)

    @property
    def withdrawn(self) -> Markdown | None:
        """Why the model must not be used."""
        return self.say(self.model.withdrawn) if self.model.withdrawn else None

    @property
    def reason(self) -> Markdown | None:
        """Why the model is not validated; None where it is."""
        if self.standing.reason is None:
            return None
        return self.t(f"reason.{self.standing.reason}", protocol=self.catalogue.protocol)

    @property
    def state(self) -> Markdown:
        """The state in a few words."""
        words = self.t(f"state.{self.standing.state}", protocol=self.catalogue.protocol)
        return join(", ", [self.t("state.withdrawn"), words]) if self.model.withdrawn else words

    @property
    def glance(self) -> list[Row]:
        """The table at the top."""
        layer = self.catalogue.layer(self.model.layer)
        network = [code(self.model.expects.architecture)]
        if self.model.parameters:
            network.append(self.parameters)
        rows = [
            ("row.task", self.task),
            ("row.state", self.state),
            ("row.commercial", self.commercial),
            ("row.network", join(", ", network)),
            ("row.file", join(", ", [code(self.model.file), escape(size(self.model.size))])),
            ("row.gain", self.gain),
            ("row.headline", self.headline),
            ("row.layer", link_file(self.say(layer.title), "../README.md")),
        ]
        return [(self.t(label), value) for label, value in rows if value]

    @property
    def task(self) -> Markdown:
        """What the model is for, in words."""
        return self.t(f"task.{self.model.task}")

    @property
    def commercial(self) -> Markdown:
        """Whether commercial use is allowed, prominently."""
        return self.t(f"commercial.{self.licence.commercial_use}")

    @property
    def parameters(self) -> Markdown:
        """How many parameters; only where the catalogue says so."""
        count = self.model.parameters or 0
        return self.t("parameters", short=short(count), exact=count)

    @property
    def gain(self) -> Markdown:
        """What was measured here, in a few words; empty where nothing was."""
        return tables.gain(self.measured, self.t) if self.measured else Markdown("")

    @property
    def headline(self) -> Markdown:
        """The reported figure that stands for the model; empty where there is none."""
        return tables.headline(self.model.metrics)

    # What it does.

    @property
    def description(self) -> Markdown:
        """The catalogue's description, or the task."""
        if self.model.description:
            return self.say(self.model.description)
        return Markdown(f"{self.task[:1].upper()}{self.task[1:]}.")

    @property
    def facts(self) -> list[Row]:
        """What the network is and where it comes from."""
        family, model = self.family, self.model
        paper = [escape(family.paper.title), escape(family.paper.venue)]
        if family.paper.arxiv:
            paper.append(link(f"arXiv:{family.paper.arxiv}", f"https://arxiv.org/abs/{family.paper.arxiv}"))
        if family.paper.doi:
            paper.append(link(f"doi:{family.paper.doi}", f"https://doi.org/{family.paper.doi}"))
        arguments = {**family.hyperparameters, **model.hyperparameters}
        sizes = [self.parameters] if model.parameters else []
        if model.tensors:
            sizes.append(self.t("tensors", count=model.tensors))
        rows = [
            ("what.role", self.say(family.role)),
            ("what.base", self.base),
            ("what.family", escape(family.title)),
            ("what.paper", join(", ", paper)),
            ("what.code", address(family.upstream)),
            ("what.trained", self.say(model.training_data)),
            ("what.size", join(", ", sizes)),
            ("what.arguments", join(", ", [code(f"{key}={literal(arguments[key])}") for key in arguments])),
        ]
        return [(self.t(label), value) for label, value in rows if value]

    @property
    def base(self) -> Markdown:
        """A link to the card of the model that this one was fine-tuned from."""
        if self.model.base is None:
            return Markdown("")
        base = self.catalogue.model(self.model.base)
        return link_file(code(base.slug), f"../../{base.layer}/{base.slug}/README.md")

    # Measured and reported.

    @property
    def measured(self) -> Measured | None:
        """The report's figures."""
        return self.report.measured if self.report else None

    @property
    def not_measured(self) -> Markdown | None:
        """Why a validated model has no figures; None where it has, and where it is not validated."""
        if self.report is None or self.report.measured is not None:
            return None
        if not self.report.verified.forward:
            return self.t("not-measured.network")
        if self.model.task is Task.DEFOCUS_DEBLURRING_DUAL_PIXEL:
            return self.t("not-measured.dual-pixel")
        return escape(self.report.not_measured)

    @property
    def measured_rows(self) -> list[tables.Change]:
        """What was measured here, line by line."""
        return tables.changes(self.measured, self.t) if self.measured else []

    @property
    def reported(self) -> tables.Table:
        """The reported figures, every one."""
        return tables.reported(self.model.metrics, self.family, self.t)

    # Licence.

    @property
    def licence_name(self) -> Markdown:
        """The licence by its identifier, with a link to its text."""
        return join(" ", filter(None, (self._spdx(self.licence), self._licence_text())))

    @property
    def licence_note(self) -> Markdown:
        """What the identifier does not say."""
        return self.say(self.licence.note)

    @property
    def licence_short(self) -> Markdown:
        """The licence by its identifier alone."""
        return code(self.licence.spdx)

    @property
    def licence_own(self) -> Markdown | None:
        """What the family's licence is, where the model has another."""
        family = self.family.licence
        if self.model.licence is None or family is None or family.spdx == self.model.licence.spdx:
            return None
        return self.t("licence.own", family=self._spdx(family))

    def _licence_text(self) -> Markdown | None:
        return (
            Markdown(f"({link(self.t('licence.text'), self.licence.source)})")
            if self.licence.source
            else None
        )

    def _spdx(self, licence: Licence) -> Markdown:
        if licence.spdx in ("NOASSERTION", "NONE"):
            return self.t(f"licence.{licence.spdx.lower()}")
        return code(licence.spdx)

    # Input, loading, fine-tuning.

    @property
    def input_rows(self) -> list[Row]:
        """The input contract, line by line."""
        contract, model = self.family.input, self.model
        rows = [("input.channels", self._channels())]
        if contract:
            multiple = contract.size_multiple or (self.report.size_multiple if self.report else None)
            if multiple:
                words = self.t(
                    "input.multiple.any" if multiple == 1 else "input.multiple.value", count=multiple
                )
                rows.append(("input.multiple", words))
            rows += [
                ("input.layout", self.say(contract.layout)),
                ("input.padding", self.say(contract.padding)),
                ("input.output", self.say(contract.output)),
            ]
        if self.family.format:
            rows.append(("input.container", self.say(self.family.format.container)))
        key = model.expects.wrapper_key
        rows.append(("input.wrapper", code(key) if key else self.t("input.wrapper.none")))
        return [(self.t(label), value) for label, value in rows if value]

    def _channels(self) -> Markdown:
        count, out = self.channels, self.report.output_channels if self.report else None
        if count is None:
            return Markdown("")
        if out is None:
            return self.t("input.channels.value", count=count)
        return self.t("input.channels.both", count=count, out=out)

    @property
    def channels(self) -> int | None:
        """Input channels."""
        return self.model.expects.input_channels or (self.report.input_channels if self.report else None)

    @property
    def wrapper(self) -> Markdown | None:
        """Why the file looks as it does, where its tensors are wrapped."""
        key = self.model.expects.wrapper_key
        if key is None:
            return None
        upstream = self.family.format.wrapper_key if self.family.format else None
        whose = "upstream" if key == upstream and self.model.origin is None else "own"
        return self.t(f"input.wrapper.{whose}", key=code(key))

    @property
    def input_notes(self) -> list[Markdown]:
        """What else the family says of its input."""
        return [self.say(note) for note in self.family.input.notes] if self.family.input else []

    @property
    def path(self) -> str:
        """The checkpoint's path from the repository's root."""
        return snippets.path(self.model)

    @property
    def stage(self) -> str:
        """The validation's name for DVC."""
        return f"layers/{self.model.layer}/dvc.yaml:validate@{self.model.slug}"

    @property
    def imports(self) -> list[Markdown]:
        """The imports that `reading` needs."""
        return snippets.imports(self.model)

    @property
    def reading(self) -> list[Markdown]:
        """The Python that reads the state dict into ``weights``."""
        return snippets.reading(self.model)

    @property
    def head(self) -> Markdown:
        """The family's head patterns."""
        return join(", ", map(code, self.family.head))

    @property
    def splits(self) -> bool:
        """Whether the family tells a head from a backbone."""
        return "*" not in self.family.head

    @property
    def elsewhere(self) -> Markdown:
        """The call that loads the published model where there is no checkout."""
        return code(snippets.published(self.model))

    @property
    def locked(self) -> bool:
        """Whether there is something to pull."""
        return self.standing.locked is not None

    @property
    def link(self) -> Markdown:
        """A link to this card from its layer's."""
        return link_file(code(self.model.slug), f"{self.model.slug}/README.md")

    @property
    def thumbnail(self) -> Markdown:
        """The picture, small, from the layer's card; a slug needs no quoting."""
        slug = self.model.slug
        alt = self.t("sample.alt", slug=slug)
        return Markdown(
            f'<a href="{slug}/README.md"><img src="{slug}/sample.png" width="{THUMBNAIL}" alt="{alt}"></a>'
        )

    @property
    def report_link(self) -> Markdown:
        """A link to the report."""
        return link_file(code(f"{self.model.slug}.json"), f"../reports/{self.model.slug}.json")

    @property
    def published(self) -> list[Row]:
        """The names under which programs find the published file."""
        name, aliases = self.catalogue.published_name(self.model), self.model.aliases
        label = "load.published" if self.validated else "load.published.once"
        rows = [(self.t(label), code(name))]
        if aliases:
            rows.append((self.t("load.aliases"), join(", ", map(code, aliases))))
        return rows

    @property
    def repeatable(self) -> bool:
        """Whether the pipeline can get the file: from a source, or from the store."""
        return self.locked or self.model.origin is None

    @property
    def validated(self) -> bool:
        """Whether there is evidence of the present model."""
        return self.standing.state is State.VALIDATED

    @property
    def registered(self) -> bool:
        """Whether this project can build the network."""
        return self.model.expects.architecture != UNREGISTERED

    def say(self, words: Words | None) -> Markdown:
        """Catalogue words in the card's language, escaped; empty for none."""
        return escape(say(words, self.t.language)) if words else Markdown("")

    # Provenance and validation.

    @property
    def provenance(self) -> list[Row]:
        """File, size and digests."""
        model, locked = self.model, self.standing.locked
        md5 = model.md5 or (locked.md5 if locked else None)
        confidence = self.t(f"confidence.{model.confidence or 'none'}")
        if locked:
            confidence = join("", [confidence, self.t("confidence.seen")])
        rows = [
            (
                self.t("provenance.size"),
                self.t("provenance.size.value", short=size(model.size), exact=model.size),
            ),
            (Markdown("sha256"), code(model.sha256)),
            (Markdown("md5"), code(md5 or "")),
            (self.t("provenance.confidence"), confidence),
        ]
        return [row for row in rows if row[1]]

    @property
    def sources(self) -> list[Row]:
        """Kind and address of every source, in order."""
        return [(self._kind(found), address(found)) for found in self.model.sources]

    def _kind(self, found: str) -> Markdown:
        try:
            source = parse(found)
        except SourceProblem:
            return self.t("kind.https")
        if isinstance(source, HuggingFaceSource) and source.pinned:
            return self.t("kind.huggingface.pinned")
        return self.t(f"kind.{source.kind}")

    @property
    def cautions(self) -> list[Markdown]:
        """The model's own notes, then its family's."""
        return [self.say(words) for words in (*self.model.notes, *self.family.cautions)]

    @property
    def validation(self) -> list[Row]:
        """What the validation proved, line by line; empty without a report."""
        return tables.proved(self.report, self.model, self.t) if self.report else []
