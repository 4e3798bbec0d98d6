// The start: the layers in their order, their models as tiles, search and filters over them.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const inBoth = (text) => (text && typeof text === "object" ? Object.values(text).join(" ") : text || "");
const hays = new Map(data.models.map((model) => [model.slug, plain([
  model.slug, inBoth(model.title), inBoth(model.about), inBoth(data.tasks[model.task]), model.task,
  data.families[model.family], model.licence, model.file, shared(model, "name"), ...(model.aliases || []),
  inBoth(layerOf.get(model.layer).title), inBoth(model.trained),
  ...Object.values(data.words).flatMap((told) => [told[`badge.${model.use}`], told[`state.${stateOf(model)}`]]),
].join(" "))]));

// The words that are looked for, pasted with quotes, brackets or the name of a digest too.
const wordsOf = (text) => plain(text).replace(/\b(?:sha256|md5)\s*[:=]/g, " ")
  .split(/[\s,;"'`«»“”‘’()[\]{}<>]+/).map((word) => word.replace(/[.:]+$/, "")).filter(Boolean);

// A digest is found by its beginning: as part of a text, "64" would be in nearly all of them.
const ENOUGH = 4;
const digestsOf = (model) => [model.sha256, model.md5, model.fingerprint].filter(Boolean);
const hasWord = (model, word) => hays.get(model.slug).includes(word) ||
  (word.length >= ENOUGH && digestsOf(model).some((digest) => digest.startsWith(word)));

// Gains of one unit are compared with one another, and not with those of another.
const UNITS = ["dB", "px"];
const unitOf = (model) => (model.gain ? UNITS.indexOf(model.gain[1]) : UNITS.length);

const ORDERS = {
  catalogue: () => 0,
  gain: (one, other) => unitOf(one) - unitOf(other) || (one.gain ? other.gain[0] - one.gain[0] : 0),
  size: (one, other) => one.size - other.size,
  name: (one, other) => titleOf(one).localeCompare(titleOf(other), language),
};

// What is on the start page now; drawn anew for each language.
let board = null;

// A box that cannot be chosen keeps the focus, so that everyone learns why.
const pickBox = (model) => {
  const pick = el("input", { type: "checkbox", value: model.slug, "aria-label": t("pick.model", { model: titleOf(model) }) });
  pick.addEventListener("click", (event) => {
    if (pick.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    byId("why").classList.add("refused");
    tell(trayMore());
  });
  pick.addEventListener("change", () => choose(model.slug, pick.checked));
  return pick;
};

const tile = (model) => {
  const pick = hasOthers(model) ? pickBox(model) : null;
  const gain = gainText(model);
  const node = el("li.tile", null,
    framed("div.tile-picture", model, model.picture ? pair(model) : placeholder(model)),
    el("div.tile-text", null,
      el("p.kicker", null, taskName(model.task)),
      el("h3", null, el("a", { href: toModel(model.slug), dir: "auto" }, titleOf(model))),
      model.about && el("p.about", { dir: "auto" }, say(model.about)),
      el("p.badges", null, useBadge(model, "span", "short"), stateBadge(model, "span")),
      el("div.tile-foot", null,
        el("dl.figures", null,
          fact(t("fact.size"), model.sizeText.replace(" ", "\u00a0")),
          gain ? fact(t("fact.gain"), el("strong", null, gain)) : null),
        pick
          ? el("label.pick", null, pick, el("span", { "aria-hidden": "true" }, t("pick")))
          : el("span.sole", null, t("pick.sole")))));
  return { model, node, pick };
};

const layerSection = (layer, index) => {
  const models = data.models.filter((model) => model.layer === layer.slug);
  const tiles = models.map(tile);
  const list = el("ul.tiles", { role: "list" }, tiles.map((one) => one.node));
  const heading = el("h2", { tabindex: -1, dir: "auto" }, say(layer.title));
  const node = el("section.layer", { "aria-label": `${index + 1}. ${say(layer.title)}` },
    el("div.layer-head", null,
      el("span.ordinal", { "aria-hidden": "true" }, index + 1), heading,
      el("p", { dir: "auto" }, say(layer.purpose)),
      el("p.layer-count", null, count("models", models.length))),
    models.length ? list : el("p.alone", null, t("empty")));
  return { layer, node, list, tiles, heading, order: "catalogue" };
};

const arrow = () => el("span.arrow", { "aria-hidden": "true" });

const edge = () => parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
const goTo = ({ node, heading }) => {
  heading.focus({ preventScroll: true });
  bring(node, edge() - 1); // its line lies under the finder's
};

const flow = (sections) => el("nav.flow", { "aria-label": t("flow") }, el("ol", { role: "list" },
  el("li.end", null, t("flow.in")),
  sections.map((section, index) => el("li", null, arrow(),
    el("button", { type: "button", on: { click: () => goTo(section) } },
      el("span.ordinal", { "aria-hidden": "true" }, index + 1), el("bdi", null, say(section.layer.title))))),
  el("li.end", null, arrow(), t("flow.out"))));

const select = (name, options) => {
  const node = el("select", { id: `choose-${name}`, on: { change: () => change(name, node.value) } },
    options.map(([value, text]) => el("option", { value }, text)));
  return { node, field: el("div.field", null, el("label", { for: node.id }, t(`label.${name}`)), node) };
};

const optionTexts = {
  layer: (slug) => say(layerOf.get(slug).title),
  task: taskName,
  family: (key) => data.families[key],
  use: (use) => capital(t(`use.${use}`)),
  state: (value) => capital(t(`state.${value}`)),
};

const finder = () => {
  const query = el("input", {
    type: "search", id: "query", autocomplete: "off", spellcheck: "false", placeholder: t("search.hint"),
    on: { input: () => change("q", query.value) },
  });
  const selects = Object.fromEntries([
    ...FILTERS.map((name) => [name, select(name, [["", t(`any.${name}`)],
      ...CHOICES[name].map((value) => [value, optionTexts[name](value)])])]),
    ["sort", select("sort", SORTS.map((value) => [value, t(`sort.${value}`)]))],
  ]);
  const choices = el("div.choices", { id: "choices" }, Object.values(selects).map((one) => one.field));
  const more = el("button.more", { type: "button", "aria-expanded": "false", "aria-controls": "choices" }, t("filters"));
  more.addEventListener("click", () => {
    const open = choices.classList.toggle("open");
    more.setAttribute("aria-expanded", String(open));
  });
  const found = el("p.found", { role: "status" });
  const order = el("p.order", { hidden: true }, t("order.gain"));
  const clear = el("button.plain", { type: "button", on: { click: clearFilters } }, t("clear"));
  const form = el("form.finder", { role: "search", on: { submit: (event) => event.preventDefault() } },
    el("div.field.search", null, el("label", { for: "query" }, t("search")), query), more, choices,
    el("div.outcome", null, found, clear, order));
  return { form, query, selects, found, clear, more, order };
};

const drawStart = () => {
  const sections = data.layers.map(layerSection);
  const find = finder();
  const tray = el("aside.tray", { "aria-label": t("tray"), hidden: true });
  const none = el("div.none", { hidden: true }, el("p", null, t("none")),
    el("button.plain", { type: "button", on: { click: clearFilters } }, t("clear")));
  const size = bytes(data.models.reduce((sum, model) => sum + model.size, 0));
  const validated = data.models.filter((model) => stateOf(model) === "validated").length;
  const heading = el("h1", { tabindex: -1 }, t("start"));
  byId("start").replaceChildren(
    el("div.opening", null, heading,
      el("p.lede", null, t("lede", {
        models: count("models", data.models.length), layers: count("layers", data.layers.length),
        size, validated: count("validated", validated),
      })),
      flow(sections)),
    find.form, ...sections.map((section) => section.node), none, tray);
  board = { sections, find, tray, none, heading };
  covered.disconnect();
  for (const node of [find.form, tray]) covered.observe(node);
};

// How much of the screen is under what sticks to its edges, for the style.
const GAP = 24;
const covered = new ResizeObserver(() => {
  const { find, tray } = board;
  const set = (name, value) => document.documentElement.style.setProperty(name, `${value}px`);
  set("--finder", find.form.offsetHeight);
  set("--tray", tray.offsetHeight && tray.offsetHeight + GAP);
});

const allTiles = () => board.sections.flatMap((section) => section.tiles);
const tileOf = (slug) => allTiles().find(({ model, node }) => model.slug === slug && !node.hidden);
// The first tile of which something can be seen, where one has gone down to them.
const topTile = () => {
  if (!board || !scrollY) return null;
  const boxes = allTiles().map(({ model, node }) => [model.slug, node.getBoundingClientRect()]);
  const top = edge();
  const found = boxes.find(([, box]) => box.bottom > top);
  return found && found[1].top < innerHeight ? { tile: found[0], top: found[1].top } : null;
};

const fits = (model, words) =>
  (!state.layer || model.layer === state.layer) && (!state.task || model.task === state.task) &&
  (!state.family || model.family === state.family) && (!state.use || model.use === state.use) &&
  (!state.state || stateOf(model) === state.state) &&
  words.every((word) => hasWord(model, word));

const arrange = (section) => {
  if (section.order === state.sort) return;
  const sorted = section.tiles
    .map((one, index) => [one, index])
    .sort(([one, i], [other, j]) => ORDERS[state.sort](one.model, other.model) || i - j);
  section.list.append(...sorted.map(([one]) => one.node));
  section.order = state.sort;
};

// Bring the board in step with the state.
const applyStart = () => {
  const words = wordsOf(state.q);
  const chosen = FILTERS.filter((name) => state[name]);
  let shown = 0;
  for (const section of board.sections) {
    arrange(section);
    let here = 0;
    for (const { model, node, pick } of section.tiles) {
      const fit = fits(model, words);
      node.hidden = !fit;
      here += fit;
      const picked = state.pick.includes(model.slug);
      node.classList.toggle("picked", picked);
      if (!pick) continue;
      pick.checked = picked;
      const refused = !picked && state.pick.length > 0 && comparable([...state.pick, model.slug]).length === state.pick.length;
      for (const [name, value] of [["aria-disabled", "true"], ["aria-describedby", "why"]]) {
        if (refused) pick.setAttribute(name, value);
        else pick.removeAttribute(name);
      }
      pick.parentNode.title = refused ? trayMore() : "";
    }
    section.node.hidden = here === 0 && (section.tiles.length > 0 || chosen.length + words.length > 0);
    shown += here;
  }
  const { find } = board;
  if (find.query.value !== state.q) find.query.value = state.q;
  for (const [name, one] of Object.entries(find.selects)) {
    one.node.value = state[name];
    one.field.classList.toggle("active", name !== "sort" && Boolean(state[name]));
  }
  find.more.textContent = chosen.length ? `${t("filters")} (${chosen.length})` : t("filters");
  const said = count("found", shown, { all: data.models.length });
  if (find.found.textContent !== said) find.found.textContent = said;
  find.order.hidden = state.sort !== "gain";
  find.clear.hidden = chosen.length + words.length === 0;
  board.none.hidden = shown > 0 || data.models.length === 0;
  drawTray();
};

const change = (name, value) => {
  state[name] = value;
  lastStart = { ...state };
  applyStart();
  keep();
};

const clearFilters = () => {
  for (const name of FILTERS) state[name] = "";
  change("q", "");
  board.find.query.focus();
};

const choose = (slug, wanted) => {
  const pick = state.pick.filter((other) => other !== slug);
  change("pick", comparable(wanted ? [...pick, slug] : pick));
  const model = titleOf(modelOf.get(slug));
  tell([
    t(wanted ? "tray.picked" : "tray.dropped", { model }),
    count("tray.count", state.pick.length, { most: MOST }),
    state.pick.length === 1 && trayMore(),
  ].filter(Boolean).join(" "));
};

// The one that was left out of the tray took the focus with it.
const drop = (slug) => {
  const next = state.pick[state.pick.indexOf(slug) + 1];
  choose(slug, false);
  const button = [...board.tray.querySelectorAll(".drop")].find((one) => one.value === next) ||
    board.tray.querySelector(".drop");
  const { node, pick } = allTiles().find(({ model }) => model.slug === slug);
  (button || (node.hidden ? board.heading : pick)).focus({ preventScroll: true });
};

// What can still be chosen, which is also why the other boxes cannot.
const trayMore = () => {
  const same = data.models.filter((model) => model.task === modelOf.get(state.pick[0]).task).length;
  const chosen = state.pick.length;
  const name = chosen === MOST ? "full" : chosen === same ? "all" : chosen > 1 ? "room" : "more";
  return t(`tray.${name}`, { task: taskName(modelOf.get(state.pick[0]).task), most: MOST });
};

const drawTray = () => {
  const { tray } = board;
  tray.hidden = state.pick.length === 0;
  tray.replaceChildren();
  if (tray.hidden) return;
  append(tray, [
    el("ul", { role: "list" }, state.pick.map((slug) => el("li", null, el("bdi", null, titleOf(modelOf.get(slug))),
      el("button.drop", {
        type: "button", value: slug, "aria-label": t("tray.drop", { model: titleOf(modelOf.get(slug)) }),
        on: { click: () => drop(slug) },
      }, "×")))),
    state.pick.length > 1 && el("a.button", { href: toCompare(state.pick) }, t("tray.go", { count: state.pick.length })),
    el("p", { id: "why" }, trayMore()),
  ]);
};
