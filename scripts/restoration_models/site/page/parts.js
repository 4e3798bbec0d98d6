// Parts of several views: badges, code with a button that copies it, the nodes of a card.
const useBadge = (model, tag = "li", name = "badge") =>
  el(`${tag}.badge.use-${model.use}`, null, t(`${name}.${model.use}`));
const stateBadge = (model, tag = "li") =>
  el(`${tag}.badge.state-${stateOf(model)}`, null, t(`state.${stateOf(model)}`));
const badges = (model, name) => el("ul.badges", { role: "list" }, useBadge(model, "li", name), stateBadge(model));

// A path or an address, which breaks after its slashes where it has to.
const path = (text) => text.split(/(?<=[^/:]\/|@)/).flatMap((part) => [part, el("wbr")]);

const copyText = async (text, block) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page that did not come over https has no clipboard of its own.
    const range = document.createRange();
    range.selectNodeContents(block);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
};

const copyButton = (text, block, what) => {
  const label = el("span", null, t("copy"));
  const button = el("button.copy", { type: "button", "aria-label": t("copy.what", { what }) }, label);
  button.addEventListener("click", async () => {
    const done = await copyText(text, block);
    tell(t(done ? "copied" : "copy.failed"));
    label.textContent = t(done ? "copied" : "copied.not");
    button.classList.toggle("done", done);
    button.classList.toggle("failed", !done);
    setTimeout(() => {
      label.textContent = t("copy");
      button.classList.remove("done", "failed");
    }, done ? 1600 : 4000);
  });
  return button;
};

const shorten = (text, most = 60) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// Code on lines of its own; the whole of it can be reached and copied by keys. With a heading of its
// own, the button stands beside that.
const codeBlock = (text, heading) => {
  const what = heading || shorten(text.split("\n")[0]);
  const code = el("code", null, text);
  const block = el("pre", { tabindex: 0, role: "group", "aria-label": what }, code);
  const copy = copyButton(text, code, what);
  return heading
    ? el("div.code.titled", null, el("div.code-head", null, el("h3", null, heading), copy), block)
    : el("div.code", null, block, copy);
};

const DIGEST = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/;
const digest = (text, what) => {
  const code = el("code", null, text);
  return el("span.digest", null, code, copyButton(text, code, what));
};

const outside = (href, children) =>
  href.startsWith("https://")
    ? el("a", { href, rel: "noopener noreferrer external", target: "_blank" }, children)
    : el("span", null, children);

const PLAIN = new Set(["p", "ul", "ol", "li", "strong", "em", "thead", "tbody", "tr", "span"]);

// Cards share what they say: stand-ins take the place of what is the model's own.
const STAND_INS = /[\ue000-\ue03f]/g;
const ownValue = (model, name) => {
  const [key, row, column] = name.split(".");
  const value = model[key];
  return row ? value?.[row]?.[column].replace(/^https:\/\/[^/]+\//, "").split(" ")[0] : value;
};
const ownText = (model, text) =>
  text.replace(STAND_INS, (stand) => ownValue(model, data.own[stand.charCodeAt(0) - 0xe000]) ?? "");

const kept = (node) => (typeof node === "number" ? data.parts[node] : node);
const shared = (model, name) => ownText(model, kept(model[name]));

// A node of a card, as `nodes.py` writes it. A tag that is not known shows its content.
const build = (found, model) => {
  const node = kept(found);
  if (typeof node === "string") return document.createTextNode(ownText(model, node));
  const [tag, ...rest] = node;
  const inner = (from) => rest.slice(from).map((child) => build(child, model));
  if (tag === "code" || tag === "pre") {
    const text = ownText(model, rest[rest.length - 1]);
    if (tag === "pre") return codeBlock(text);
    return DIGEST.test(text) ? digest(text, shorten(text)) : el("code", null, text);
  }
  if (tag === "a") {
    const target = ownText(model, rest[0]);
    return outside(target, rest.length > 1 ? inner(1) : path(target));
  }
  if (tag === "go") return el("a", { href: toModel(rest[0]) }, inner(1));
  if (tag === "note") return note(rest[0], inner(1));
  const children = inner(0);
  if (tag === "br") return el("br");
  if (tag === "h") return el("h4", null, children);
  if (tag === "table") {
    return el("div.scroll", { tabindex: 0, role: "group", "aria-label": t("table") }, el("table", null, children));
  }
  if (tag === "th" || tag === "thn") return el(tag === "th" ? "th" : "th.number", { scope: "col" }, children);
  if (tag === "td" || tag === "tdn") return el(tag === "td" ? "td" : "td.number", null, children);
  return el(PLAIN.has(tag) ? tag : "span", null, children);
};

const note = (kind, children) =>
  el(`div.note.note-${/^[a-z]+$/.test(kind) ? kind : "plain"}`, { role: "note" }, children);

const fact = (name, ...value) => el("div", null, el("dt", null, name), el("dd", null, value));

const gainText = (model) => {
  if (!model.measured) return null;
  const [name, before, after] = model.measured[0];
  if (name === "grid") return `${before} → ${after} px`;
  const [, , , change] = model.measured.find((row) => row[0] === "psnr");
  return `${change} dB`;
};
