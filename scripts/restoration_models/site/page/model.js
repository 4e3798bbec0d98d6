// One model: its picture, its card, and beside them what is needed each day.
const shots = (model) => {
  if (!model.picture) return el("section.shots", null, placeholder(model));
  return framed("section.shots", model, slider(model).frame, details(model));
};

const glance = (model) => el("section", { "aria-labelledby": "glance" }, el("h2", { id: "glance" }, t("glance")),
  el("dl.facts", null,
    model.measured && model.measured.map(([name, before, after, change]) =>
      fact(t(`fact.${name}`), t("fact.change", { before, after, change }))),
    fact(t("fact.licence"), model.licence),
    fact(t("fact.size"), model.sizeText.replace(" ", "\u00a0")),
    model.parametersText && fact(t("fact.parameters"), model.parametersText.replace(" ", "\u00a0")),
    fact(t("label.family"), el("bdi", null, data.families[model.family])),
    fact(t("fact.file"), el("code", null, model.file))),
  !model.withdrawn && el("dl.facts.stacked", null,
    fact(t(model.state === "validated" ? "published" : "published.once"), el("code", null, path(shared(model, "name")))),
    model.aliases && fact(t("aliases"), model.aliases.map((name) => el("code.alias", null, path(name))))));

const commands = (model) => {
  const told = [
    ["pull", t(model.pullable ? "pull" : "pull.first")],
    ["load", t("load")],
    ["elsewhere", t("elsewhere")],
  ].filter(([name]) => name in model).map(([name, what]) => [shared(model, name), what]);
  return told.length > 0 && el("section", { "aria-labelledby": "commands" },
    el("h2", { id: "commands" }, t("commands")),
    told.map(([text, what]) => codeBlock(text, what)));
};

const digests = (model) => el("section", { "aria-labelledby": "digests" }, el("h2", { id: "digests" }, t("digests")),
  el("dl.facts.stacked", null,
    fact("sha256", digest(model.sha256, "sha256")),
    model.md5 && fact("md5", digest(model.md5, "md5")),
    model.fingerprint && fact(t("fingerprint"), digest(model.fingerprint, t("fingerprint")))));

const sources = (model) => el("section", { "aria-labelledby": "sources" }, el("h2", { id: "sources" }, t("sources")),
  model.sources
    ? el("ol.sources", null, model.sources.map(([kind, place, linked]) => el("li", null,
      el("span.kind", null, say(data.kinds[kind])), " ",
      linked ? outside(place, path(place)) : el("code", null, path(place)))))
    : el("p", null, t("sources.none")));

const ancestors = (model) => {
  const found = [];
  for (let one = modelOf.get(model.base); one && !found.includes(one) && one !== model; one = modelOf.get(one.base)) {
    found.unshift(one);
  }
  return found;
};

const lineage = (model) => {
  const from = ancestors(model);
  const into = data.models.filter((other) => other.base === model.slug);
  const to = (other) => el("li", null, el("a", { href: toModel(other.slug), dir: "auto" }, titleOf(other)));
  return el("section", { "aria-labelledby": "lineage" }, el("h2", { id: "lineage" }, t("lineage")),
    from.length + into.length === 0
      ? el("p.soft", null, t("lineage.none"))
      : [
        from.length > 0 && [el("h3", null, t("lineage.from")), el("ol.lineage", null, from.map(to))],
        into.length > 0 && [el("h3", null, t("lineage.to")), el("ul.lineage", null, into.map(to))],
      ]);
};

const others = (model) => {
  const same = data.models.filter((other) => other.task === model.task && other !== model);
  if (!same.length) return null;
  const chosen = [model, ...same].slice(0, MOST).map((one) => one.slug);
  return el("p", null, el("a.button", { href: toCompare(chosen) }, t("others.with")));
};

const cardOf = (model) => {
  const sections = kept(model.card)[language].slice(1).map(kept);
  return el("section.card", { "aria-labelledby": "card" }, el("h2", { id: "card" }, t("card")),
    sections.map(([title, ...nodes]) => [el("h3", null, title), nodes.map((node) => build(node, model))]));
};

const crumbs = (...rest) => el("nav.crumbs", { "aria-label": t("place") },
  el("a", { href: toStart() }, el("span", { "aria-hidden": "true" }, "←\u00a0"), t("back")), rest);

const drawModel = () => {
  const model = modelOf.get(state.model);
  const heading = el("h1", { tabindex: -1, dir: "auto" });
  if (!model) {
    heading.textContent = t("unknown", { slug: shorten(state.model, 80) });
    byId("model").replaceChildren(crumbs(), heading);
    return heading;
  }
  heading.textContent = titleOf(model);
  byId("model").replaceChildren(
    crumbs(el("bdi", null, say(layerOf.get(model.layer).title))),
    el("div.head", null,
      el("p.kicker", null, taskName(model.task)), heading,
      model.about && el("p.lede", { dir: "auto" }, say(model.about)),
      badges(model), kept(model.card)[language][0].map((node) => build(node, model))),
    el("div.sheet", null, shots(model),
      el("div.rail", null, append(document.createDocumentFragment(), [
        glance(model), commands(model), digests(model), sources(model), lineage(model), others(model),
      ])),
      cardOf(model)));
  return heading;
};
