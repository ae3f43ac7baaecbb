// What the page is made of. Texts go in as text nodes only, so that nothing in them is markup.

import { say } from "./words.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// A text of the warehouse: in its own direction, whatever stands around it.
export const datum = (value, kind = "span") => element(kind, { dir: "auto", class: "datum" }, String(value));

export const paragraph = (...children) => element("p", {}, ...children);
export const note = (...children) => element("p", { class: "note" }, ...children);

let number = 0;
export const fresh = (name) => `${name}-${++number}`;

export function section(id, title, ...children) {
  return element("section", { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title`, tabindex: "-1" }, title), ...children);
}

// What may be wider than the page scrolls by itself, with the keyboard too.
export function scroller(label, ...children) {
  return element("div", { class: "scroller", role: "group", tabindex: "0", "aria-label": label },
    ...children);
}

// Columns are {title, value(row), number}; a value is a text or an element.
export function table(caption, columns, rows) {
  const head = element("tr", {}, columns.map((column) =>
    element("th", { scope: "col", class: column.number ? "number" : null }, column.title)));
  const body = rows.map((row) => element("tr", {}, columns.map((column, place) => {
    const value = column.value(row);
    return element(place === 0 ? "th" : "td", {
      scope: place === 0 ? "row" : null,
      class: column.number ? "number" : null,
      dir: column.number ? null : "auto",
    }, value instanceof Node ? value : String(value));
  })));
  return scroller(caption,
    element("table", {}, element("caption", {}, caption),
      element("thead", {}, head), element("tbody", {}, body)));
}

export function unfold(title, ...children) {
  return element("details", {}, element("summary", {}, title), ...children);
}

// Figures that draw themselves for the width that they have, and again when it changes.
let figures = [];
export const forget = () => { figures = []; };
export function redraw() {
  for (const draw of figures) draw();
}

// `draw(width)` gives an SVG; `least` is the width below which the plot scrolls.
export function figure({ title, says, draw, least = 0, legend, control, alternative }) {
  const place = element("div", { class: "plot" });
  const frame = least ? scroller(title, place) : place;
  figures.push(() => {
    const width = Math.floor((least ? frame : place).clientWidth);
    if (!width) return;
    const svg = draw(Math.max(width, least));
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${title}. ${says} ${say("alternative")}`);
    // The plot is one picture: its parts have no names of their own.
    for (const part of svg.querySelectorAll("[aria-label], [aria-description]")) {
      part.removeAttribute("aria-label");
      part.removeAttribute("aria-description");
    }
    place.replaceChildren(svg);
  });
  return element("figure", {}, element("figcaption", {}, element("h3", {}, title), paragraph(says)),
    control, legend, frame,
    alternative && unfold(say("as_table"), alternative));
}

export function choice(label, options, chosen, change) {
  const id = fresh("choice");
  const select = element("select", { id, onchange: (event) => change(event.target.value) },
    options.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("div", { class: "choice" }, element("label", { for: id }, label), select);
}
