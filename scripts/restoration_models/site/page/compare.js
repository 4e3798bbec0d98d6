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
    return framed("div", model, made.frame);
  });
  return row(`${capital(t("before"))} → ${t("after")}`, cells, "row-pictures");
};

const quoted = (slugs) => slugs.map((slug) => t("quoted", { text: shorten(slug, 80) })).join(", ");

// What an address names instead of two or three models of one task, and what can be done about it.
const notComparable = (models, unknown) => {
  const tasks = present(models.map((model) => model.task));
  const together = comparable(models.map((model) => model.slug));
  return [
    el("p.lede", null, t("compare.not")),
    el("ul.reasons", null, [
      unknown.length > 0 && count("compare.unknown", unknown.length, { names: quoted(unknown) }),
      models.length + unknown.length === 0 && t("compare.none"),
      models.length === 1 && t("compare.single"),
      tasks.length > 1 && t("compare.tasks", { tasks: tasks.map((task) => say(data.tasks[task])).join(", ") }),
      models.length > MOST && t("compare.many", { count: models.length, most: MOST }),
    ].filter(Boolean).map((reason) => el("li", null, reason))),
    models.length > 0 && [
      el("h2", null, t("compare.named")),
      el("ul", null, models.map((model) => el("li", null,
        el("a", { href: toModel(model.slug), dir: "auto" }, titleOf(model)), el("span.soft", null, `: ${taskName(model.task)}`)))),
    ],
    together.length > 1
      ? el("p", null, el("a.button", { href: toCompare(together) }, t("tray.go", { count: together.length })))
      : models.length === 1 && others(models[0]),
  ];
};

const drawCompare = () => {
  const known = state.compare.filter((slug) => modelOf.has(slug));
  const unknown = state.compare.filter((slug) => !modelOf.has(slug));
  const models = known.map((slug) => modelOf.get(slug));
  const heading = el("h1", { tabindex: -1 });
  if (known.length < 2 || unknown.length > 0 || comparable(known).length < known.length) {
    heading.textContent = t("compare");
    byId("compare").replaceChildren(crumbs(), append(el("div.head.told", null, heading), notComparable(models, unknown)));
    return heading;
  }
  heading.textContent = t("compare.task", { task: say(data.tasks[models[0].task]) });
  const table = el("div.versus", { role: "table", "aria-label": heading.textContent },
    el("div.row.row-models", { role: "row" },
      el("div.row-name", { role: "columnheader" }, el("span.unseen", null, t("compare.model"))),
      models.map((model) => el("div.cell", { role: "columnheader" },
        el("a", { href: toModel(model.slug), dir: "auto" }, titleOf(model)), badges(model, "short")))),
    pictureRow(models),
    measuredRows(models),
    row(t("fact.size"), models.map((model) => model.sizeText.replace(" ", "\u00a0"))),
    unlessSame(t("fact.parameters"), models.map((model) => model.parametersText)),
    row(t("fact.licence"), models.map((model) => model.licence)),
    row(t("label.family"), models.map((model) => el("bdi", null, data.families[model.family]))),
    row(t("label.layer"), models.map((model) => el("bdi", null, say(layerOf.get(model.layer).title)))),
    unlessSame(t("fact.trained"), models.map((model) => model.trained && el("bdi", null, say(model.trained)))),
    reportedRows(models));
  table.style.setProperty("--models", String(models.length));
  byId("compare").replaceChildren(crumbs(), el("div.head", null, heading), table);
  return heading;
};
