// Light or dark, before anything is drawn, and what the browser remembers from one visit to the next.
const byId = (id) => document.getElementById(id);

// A browser that keeps nothing forgets it with the page.
const recall = (name, allowed) => {
  try {
    const found = localStorage.getItem(`models-${name}`);
    return allowed.includes(found) ? found : null;
  } catch {
    return null;
  }
};
const retain = (name, value) => {
  try {
    localStorage.setItem(`models-${name}`, value);
  } catch { /* the choice holds until the page is left */ }
};

const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
};

const preferred = matchMedia("(prefers-color-scheme: dark)");
const themeNow = () => recall("theme", ["dark", "light"]) || (preferred.matches ? "dark" : "light");

setTheme(themeNow());
preferred.addEventListener("change", () => setTheme(themeNow()));
byId("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  retain("theme", theme);
  setTheme(theme);
});
history.scrollRestoration = "manual";
