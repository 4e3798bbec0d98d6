// Which view is shown, in which language and light.
let shown = null;

const retell = () => {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === language));
  }
  drawStart();
};

// Bring the reader back to a place: to the link that was followed from there, which stands where it stood,
// else to the heading. What reads the page follows the focus.
const goBack = (view, place, heading) => {
  const links = place.link ? [...byId(view).querySelectorAll("a[href^='#']")] : [];
  const link = links.find((one) => bare(one.getAttribute("href")) === place.link && one.getClientRects().length);
  (link || heading).focus({ preventScroll: true });
  putBack(place, link);
};

// Tiles out of sight are not laid out yet, so that how far down says less than what stood there.
const putBack = (place, link) => {
  scrollTo(0, place.y);
  const stood = link || (place.tile && tileOf(place.tile)?.node);
  if (stood) bring(stood, place.top);
};

// `place` is where the reader was when the view was left; null for one that is opened.
const render = (place) => {
  const before = shown;
  const view = viewOf();
  const key = view === "start" ? view : `${view} ${view === "model" ? state.model : state.compare}`;
  const told = board === null || language !== state.lang;
  if (told) {
    language = state.lang;
    retell();
  }
  for (const name of ["start", "model", "compare"]) byId(name).hidden = name !== view;
  let heading;
  if (view === "start") {
    lastStart = { ...state };
    applyStart();
    heading = board.heading;
  } else if (told || before !== key) {
    heading = view === "model" ? drawModel() : drawCompare();
  }
  shown = key;
  const name = view === "start" ? null : heading && heading.textContent;
  if (name !== undefined) document.title = name ? `${name} · ${t("name")}` : t("name");
  if (before === null) {
    if (place) putBack(place); // loaded again
  } else if (before !== key) {
    goBack(view, place || { y: 0 }, heading);
  }
  if (read(location.hash, data.language).lang !== language) settle();
  mark();
};

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    state.lang = button.dataset.language;
    retain("language", state.lang);
    render();
  });
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("content").focus();
});
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  startPlace = null;
  const next = address({ lang: language });
  if (location.hash !== next && (next !== "#" || location.hash)) location.hash = next;
  scrollTo(0, 0);
});

addEventListener("hashchange", () => {
  clearTimeout(waiting);
  clearTimeout(resting);
  waiting = 0;
  // A step in the history has been marked; it says nothing of the language, which the reader chooses.
  let place = history.state;
  state = read(location.hash, language);
  if (place) state.lang = language;
  else if (address(state) === toStart()) place = startPlace;
  render(place);
});
document.body.prepend(symbols());
render(history.state);
