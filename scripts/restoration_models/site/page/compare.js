// Two or three models of one task, side by side.
const nothing = (name = "nothing") =>
  el("span.soft", null, el("span", { "aria-hidden": "true" }, "—"), el("span.unseen", null, t(name)));

const row = (name, cells, kind) => el(`div.row${kind ? `.${kind}` : ""}`, { role: "row" },
  el("div.row-name", { role: "rowheader" }, name),
  cells.map((cell) => el("div.cell", { role: "cell" }, cell ?? nothing())));

const unlessSame = (name, cells) => (cells.every((cell) => cell === undefined) ? null : row(name, cells));

// Reported figures by what they were measured on: those that two models have, all where there is none.
const reportedRows = (models) => {
  const labels = present(models.flatMap((model) => (model.reported || []).map(([label]) => label)));
  const shared = labels.filter((label) =>
    models.filter((model) => (model.reported || []).some(([own]) => own === label)).length > 1);
  const told = shared.length ? shared : labels;
  return told.map((label) => row(label, models.map((model) => {
    const found = (model.reported || []).filter(([own]) => own === label);
    return found.length === 0 ? undefined : found.map(([, value, channel, source]) => el("span.reported", null,
      el("span.figure", null, value), el("span.soft", null,
        ` ${channel ? `${channel}, ` : ""}${say(data.reporters[source])}`)));
  })));
};

const measuredRows = (models) => ["grid", "psnr", "ssim"].map((name) => {
  const cells = models.map((model) => {
    const found = (model.measured || []).find(([own]) => own === name);
    if (!found) return undefined;
    const [, before, after, change] = found;
    return el("span.figure", null, t("fact.change", { before, after, change }));
  });
  if (cells.every((cell) => cell === undefined)) return null;
  return row(t(`fact.${name}`), cells.map((cell) => cell ?? nothing("notmeasured")));
});

const pictureRow = (models) => {
  const sliders = [];
  const moved = (value) => sliders.forEach((one) => one.place(value));
  const cells = models.map((model) => {
    if (!model.picture) return placeholder(model);
    const made = slider(model, moved);
    sliders.push(made);
    return made.frame;
  });
  return row(`${capital(t("before"))} → ${t("after")}`, cells, "row-pictures");
};

const drawCompare = () => {
  const models = comparable(state.compare).map((slug) => modelOf.get(slug));
  const heading = el("h1", { tabindex: -1 });
  if (models.length < 2 || models.length < state.compare.length) {
    heading.textContent = t("compare");
    byId("compare").replaceChildren(crumbs(), heading, el("p.lede", null, t("compare.not")));
    return heading;
  }
  heading.textContent = t("compare.task", { task: say(data.tasks[models[0].task]) });
  const table = el("div.versus", { role: "table", "aria-label": heading.textContent },
    el("div.row.row-models", { role: "row" },
      el("div.row-name", { role: "columnheader" }, el("span.unseen", null, t("compare.model"))),
      models.map((model) => el("div.cell", { role: "columnheader" },
        el("a", { href: toModel(model.slug), dir: "auto" }, titleOf(model)), badges(model)))),
    pictureRow(models),
    measuredRows(models),
    row(t("fact.size"), models.map((model) => model.sizeText.replace(" ", "\u00a0"))),
    unlessSame(t("fact.parameters"), models.map((model) => model.parametersText)),
    row(t("fact.licence"), models.map((model) => model.licence)),
    row(t("label.family"), models.map((model) => data.families[model.family])),
    row(t("label.layer"), models.map((model) => say(layerOf.get(model.layer).title))),
    unlessSame(t("fact.trained"), models.map((model) => say(model.trained))),
    reportedRows(models));
  table.style.setProperty("--models", String(models.length));
  byId("compare").replaceChildren(crumbs(), el("div.head", null, heading), table);
  return heading;
};
