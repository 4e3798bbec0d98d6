// Pictures: crops of one file for each model, cut by the browser; drawings where there is none yet.
const sheetOf = (model) => data.sheets[model.picture[1]];

// The box [left, top, width, height] of a model's picture, as large as its place allows.
const crop = (model, box) => {
  const [wide, high] = sheetOf(model).size;
  const [left, top, width, height] = box;
  const img = el("img", { alt: "", width: wide, height: high, loading: "lazy", decoding: "async", draggable: "false" });
  img.src = model.picture[0];
  const frame = el("div.crop", null, img);
  // Through the object model, for the page's policy allows no style in attributes.
  frame.style.setProperty("--ratio", `${width} / ${height}`);
  img.style.setProperty("--wide", `${(wide / width) * 100}%`);
  img.style.setProperty("--left", `${(-left / width) * 100}%`);
  img.style.setProperty("--top", `${(-top / height) * 100}%`);
  return frame;
};

const pair = (model) => {
  const [before, after] = sheetOf(model).panels;
  return el("div.pair", { role: "img", "aria-label": t("pair", { model: titleOf(model) }) },
    el("div.side", null, crop(model, before), el("span.tag", null, t("before"))),
    el("div.side", null, crop(model, after), el("span.tag", null, t("after"))));
};

// Two panels over one another and a real slider on top: mouse, touch and keys come with it.
const slider = (model, moved) => {
  const [before, after] = sheetOf(model).panels;
  const input = el("input", {
    type: "range", min: 0, max: 100, step: 1, value: 50,
    "aria-label": t("slider", { model: titleOf(model) }),
  });
  const frame = el("div.slider", null,
    crop(model, before), el("div.over", null, crop(model, after)),
    el("span.tag.tag-before", { "aria-hidden": "true" }, t("before")),
    el("span.tag.tag-after", { "aria-hidden": "true" }, t("after")),
    el("span.line", { "aria-hidden": "true" }), input);
  const place = (value) => {
    input.value = value;
    frame.style.setProperty("--cut", `${value}%`);
    input.setAttribute("aria-valuetext", t("slider.value", { before: value, after: 100 - value }));
  };
  input.addEventListener("input", () => {
    place(Number(input.value));
    if (moved) moved(Number(input.value));
  });
  place(50);
  return { frame, place };
};

const details = (model) => el("div.details", null, sheetOf(model).details.map((box, index) => {
  const which = t(["before", "after", "truth"][index]);
  const shown = crop(model, box);
  shown.setAttribute("role", "img");
  shown.setAttribute("aria-label", t("detail", { which }));
  return el("figure", null, shown, el("figcaption", null, which));
}));

// Where no picture is: a page with what the task takes off it, drawn once for each kind.
const KINDS = {
  "denoising-real": "noise", "denoising-gaussian-color": "noise", "denoising-gaussian-gray": "noise",
  deraining: "rain", "motion-deblurring": "motion", "deblurring-jpeg": "motion",
  "defocus-deblurring": "focus", "defocus-deblurring-dual-pixel": "focus", "document-unwarping": "warp",
};

const chance = (seed) => () => {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647;
};

const lines = (from, to, attributes) => {
  const next = chance(7);
  const drawn = [];
  for (let y = 22; y < 78; y += 6) {
    const end = to - next() * 9;
    drawn.push(draw("path", { d: `M${from} ${y}H${end.toFixed(1)}`, ...attributes }));
  }
  return drawn;
};

const SPOILT = {
  noise: () => {
    const next = chance(11);
    const dots = Array.from({ length: 90 }, () =>
      `M${(23 + next() * 40).toFixed(1)} ${(13 + next() * 74).toFixed(1)}h.9`).join("");
    return [...lines(28, 60), draw("path", { d: dots, "stroke-width": 0.9 })];
  },
  rain: () => {
    const next = chance(5);
    const streaks = Array.from({ length: 26 }, () =>
      `M${(25 + next() * 37).toFixed(1)} ${(13 + next() * 65).toFixed(1)}l-2.6 9`).join("");
    return [...lines(28, 60), draw("path", { d: streaks, "stroke-width": 0.8 })];
  },
  motion: () => [0, 1.6, 3.2].map((shift) =>
    draw("g", { transform: `translate(${shift} ${shift * 0.45})`, opacity: 0.45 }, ...lines(27, 58))),
  focus: () => [lines(28, 60, { "stroke-width": 5, opacity: 0.18 }), lines(28, 60, { "stroke-width": 3, opacity: 0.2 })].flat(),
  warp: () => Array.from({ length: 10 }, (_, index) => {
    const y = 22 + index * 6;
    return draw("path", { d: `M27 ${y + 3}C36 ${y - 4} 46 ${y + 7} 60 ${y - 1}` });
  }),
};

const symbols = () => draw("svg", { class: "symbols", "aria-hidden": "true", focusable: "false" },
  ...Object.entries(SPOILT).map(([kind, spoil]) => draw("symbol", { id: `kind-${kind}`, viewBox: "0 0 140 100" },
    draw("path", { class: "leaf", d: "M20 10H64V90H20Z" }), ...spoil(),
    draw("path", { class: "leaf", d: "M76 10H120V90H76Z" }), ...lines(84, 114))));

const placeholder = (model, why = model.state) => el("div.absent", null,
  draw("svg", { viewBox: "0 0 140 100", "aria-hidden": "true", focusable: "false" },
    draw("use", { href: `#kind-${KINDS[model.task] || "noise"}` })),
  el("p", null, t(`nopicture.${why}`)));

// A frame whose picture is missing or broken shows the drawing instead.
const framed = (tag, model, ...shown) => {
  const frame = el(tag, null, shown);
  frame.addEventListener("error", () => frame.replaceChildren(placeholder(model, "lost")), { capture: true, once: true });
  return frame;
};
