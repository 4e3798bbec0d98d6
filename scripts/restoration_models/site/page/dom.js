// Elements: made one by one, their text set as text. Nothing on this page is ever parsed as HTML.
// The data come compressed: a catalogue's texts are long, and alike.
if (!("DecompressionStream" in window)) {
  byId("old").hidden = false;
  return;
}
const packed = Uint8Array.from(atob(byId("data").textContent), (letter) => letter.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
const data = await new Response(unpacked).json();
// Models come as rows of values, their names told once.
data.models = data.models.map((row) =>
  Object.fromEntries(data.keys.map((key, index) => [key, row[index]]).filter(([, value]) => value !== null)));

// An element with its attributes and children; a text becomes a text node, and nothing becomes nothing.
const el = (tag, attributes, ...children) => {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
};

const append = (parent, children) => {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child);
  }
  return parent;
};

// Drawings: like `el`, for SVG.
const draw = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
};

const modelOf = new Map(data.models.map((model) => [model.slug, model]));
const layerOf = new Map(data.layers.map((layer) => [layer.slug, layer]));

// Words: the page's own, and texts that may stand in both languages.
let language = data.language;
const fill = (text, values) =>
  text.replace(/\{(\w+)\}/g, (all, name) => (values && name in values ? String(values[name]) : all));
const t = (name, values) => fill(data.words[language][name], values);
const count = (name, number, values) =>
  t(`${name}.${number === 1 ? "one" : "other"}`, { count: number, ...values });
const say = (text) => (text && typeof text === "object" ? text[language] : text);
const titleOf = (model) => say(model.title) || model.slug;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const taskName = (task) => capital(say(data.tasks[task]));

const bytes = (number) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (number >= 999.95 && power < units.length - 1) {
    number /= 1000;
    power += 1;
  }
  return `${power ? number.toFixed(power > 2 ? 2 : 1) : number}\u00a0${units[power]}`;
};

// What a screen reader is told.
const tell = (text) => {
  const place = byId("said");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
};
