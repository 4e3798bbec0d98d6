// Which view is shown, in which language and light.
let shown = null;
let startScroll = 0;

const viewOf = () => (state.model !== null && state.model !== "" ? "model" : state.compare ? "compare" : "start");

const retell = () => {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === language));
  }
  drawStart();
};

const render = () => {
  const before = shown;
  const view = viewOf();
  const key = view === "start" ? view : `${view} ${view === "model" ? state.model : state.compare}`;
  const told = board === null || language !== state.lang;
  if (told) {
    language = state.lang;
    retell();
  }
  if (before === "start" && key !== "start") startScroll = scrollY;
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
  if (before === null || before === key) return;
  // Somewhere else now: what reads the page goes to its heading, and back to the tile it came from.
  const left = before.startsWith("model ") && view === "start"
    ? board.sections.flatMap((section) => section.tiles).find(({ model }) => `model ${model.slug}` === before)
    : null;
  if (left && !left.node.hidden) left.node.querySelector("h3 a").focus({ preventScroll: true });
  else heading.focus({ preventScroll: true });
  scrollTo(0, view === "start" ? startScroll : 0);
};

const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
};

const remembered = () => {
  try {
    return localStorage.getItem("models-theme");
  } catch {
    return null;
  }
};

const preferred = matchMedia("(prefers-color-scheme: dark)");
const themeNow = () => {
  const kept = remembered();
  return kept === "dark" || kept === "light" ? kept : preferred.matches ? "dark" : "light";
};

setTheme(themeNow());
preferred.addEventListener("change", () => setTheme(themeNow()));
byId("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("models-theme", theme);
  } catch { /* a browser that keeps nothing shows the choice until the page is left */ }
  setTheme(theme);
});

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    state.lang = button.dataset.language;
    lastStart.lang = state.lang;
    keep();
    render();
  });
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("content").focus();
});
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  startScroll = 0;
  const next = address({ lang: language });
  if (location.hash === next || (next === "#" && !location.hash)) scrollTo(0, 0);
  else location.hash = next;
});

history.scrollRestoration = "manual";
addEventListener("hashchange", () => {
  clearTimeout(waiting);
  state = read(location.hash);
  render();
});
document.body.prepend(symbols());
render();
