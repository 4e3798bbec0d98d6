// The address keeps what is shown, behind its #: that works from a file too, and a view can be sent.
const FILTERS = ["layer", "task", "family", "use", "state"];
const SORTS = ["catalogue", "gain", "size", "name"];
const FIELDS = ["model", "compare", "q", ...FILTERS, "sort", "pick", "lang"];
const MOST = 3;

const stateOf = (model) => (model.withdrawn ? "withdrawn" : model.state);
const present = (values) => [...new Set(values)];
const CHOICES = {
  layer: data.layers.map((layer) => layer.slug),
  task: present(data.models.map((model) => model.task)),
  family: present(data.models.map((model) => model.family)),
  use: ["yes", "unclear", "no"].filter((use) => data.models.some((model) => model.use === use)),
  state: ["validated", "locked", "declared", "withdrawn"].filter((state) =>
    data.models.some((model) => stateOf(model) === state)),
};

const named = (text) => present((text || "").split(",").map((slug) => slug.trim()).filter(Boolean)).slice(0, 20);

// Whether there is another model of its task.
const hasOthers = (model) => data.models.some((other) => other.task === model.task && other !== model);

// Models that can stand side by side: of the task of the first, three at most.
const comparable = (chosen) =>
  chosen.filter((slug) => modelOf.get(slug).task === modelOf.get(chosen[0]).task).slice(0, MOST);

// What an address says; what it does not know or allow is left out, but for the models that are to be
// shown: of those it is told. `lang` is the language where the address names none.
const read = (hash, lang) => {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { q: (found.get("q") || "").slice(0, 200), sort: SORTS[0], pick: [], lang };
  for (const name of FILTERS) {
    const value = found.get(name);
    state[name] = CHOICES[name].includes(value) ? value : "";
  }
  if (SORTS.includes(found.get("sort"))) state.sort = found.get("sort");
  if (Object.hasOwn(data.words, found.get("lang"))) state.lang = found.get("lang");
  state.pick = comparable(named(found.get("pick")).filter((slug) => modelOf.has(slug) && hasOthers(modelOf.get(slug))));
  state.model = found.get("model");
  state.compare = found.has("compare") ? named(found.get("compare")) : null;
  return state;
};

const address = (state) => {
  const told = new URLSearchParams();
  for (const name of FIELDS) {
    let value = state[name];
    if (Array.isArray(value)) value = value.join(",");
    if (!value || (name === "sort" && value === SORTS[0])) continue;
    if (name === "lang" && value === data.language) continue;
    told.set(name, value);
  }
  return `#${told.toString().replace(/%2C/g, ",")}`;
};

let state = read(location.hash, recall("language", Object.keys(data.words)) || data.language);
// The last choice on the start page: the way back leads there.
let lastStart = read(history.state?.start || "", state.lang);

const toModel = (slug) => address({ model: slug, lang: language });
const toCompare = (chosen) => address({ compare: chosen, lang: language });
const toStart = () => address({ ...lastStart, model: null, compare: null, lang: language });

// The address follows the state, without a step in the history: a letter typed is no place to go back to.
let waiting = 0;
const settle = () => {
  clearTimeout(waiting);
  waiting = 0;
  const next = address(state);
  if (next !== (location.hash || "#")) history.replaceState(history.state, "", next);
};
const keep = () => {
  clearTimeout(waiting);
  waiting = setTimeout(settle, 300); // browsers allow some three changes a second
};

const viewOf = () => (state.model ? "model" : state.compare ? "compare" : "start");

// Where the reader was, kept with each step of the history: how far down, the link that was followed or
// the tile that stood at the top, and from other views the way back to the start.
let startPlace = history.state?.from || null;
const mark = (place) => {
  const start = viewOf() === "start";
  const here = place || (start ? topTile() : null);
  history.replaceState({ y: scrollY, ...here, ...(start ? null : { start: toStart(), from: startPlace }) }, "");
  if (start) startPlace = history.state;
};

// Puts `node` where it stood, and looks again: what comes into sight is laid out only then, and shifts it.
const bring = (node, top, again = 4) => {
  if (!node.getClientRects().length) return;
  scrollBy(0, node.getBoundingClientRect().top - top);
  if (again) requestAnimationFrame(() => bring(node, top, again - 1));
};
// A link to the same place, in whatever language.
const bare = (href) => href.replace(/&?lang=\w+$/, "");

// Before a link is followed, so that the way back leads to what was chosen last, and to that link.
addEventListener("click", (event) => {
  if (waiting) settle();
  const link = event.target.closest && event.target.closest("main a[href^='#']");
  if (link) mark({ link: bare(link.getAttribute("href")), top: link.getBoundingClientRect().top });
}, true);
let resting = 0;
addEventListener("scroll", () => {
  clearTimeout(resting);
  resting = setTimeout(() => mark(), 300);
}, { passive: true });
addEventListener("pagehide", () => mark());
