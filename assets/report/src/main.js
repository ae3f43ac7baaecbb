// The page: its parts in the order of reading, drawn in the chosen language.

import { element, forget, redraw } from "./elements.js";
import { about } from "./parts/about.js";
import { accuracy } from "./parts/accuracy.js";
import { costs } from "./parts/costs.js";
import { coverage, trust } from "./parts/coverage.js";
import { reliability } from "./parts/reliability.js";
import { changes, conflicts, queue } from "./parts/findings.js";
import { search } from "./parts/search.js";
import { agreement, estimates, models } from "./parts/sources.js";
import { summary } from "./parts/summary.js";
import { content, language, say, speak } from "./words.js";

const PARTS = [
  search, coverage, trust, accuracy, reliability, agreement, models, estimates, costs, queue, conflicts, changes, about,
];

function switcher() {
  return element("div", { class: "languages print-not", role: "group", "aria-label": say("language") },
    Object.keys(content.texts).map((name) => element("button", {
      type: "button", lang: name, "aria-pressed": String(name === language),
      onclick: () => {
        speak(name);
        draw();
        document.querySelector(`.languages button[lang="${name}"]`).focus();
      },
    }, content.texts[name]["own_name"])));
}

function contents(parts) {
  return element("nav", { "aria-label": say("contents"), class: "print-not" }, element("ul", {},
    parts.map((part) => element("li", {},
      element("a", { href: `#${part.id}` }, part.querySelector("h2").textContent)))));
}

// A part is drawn again alone where something was chosen in it, and the choice keeps the focus.
function drawn(part) {
  const made = part(() => {
    const place = [...document.querySelectorAll(`#${made.id} select`)].indexOf(document.activeElement);
    const unfolded = [...document.querySelectorAll(`#${made.id} details`)].map((one) => one.open);
    draw();
    const now = document.getElementById(made.id);
    [...now.querySelectorAll("details")].forEach((one, number) => { one.open = unfolded[number] ?? false; });
    [...now.querySelectorAll("select")][place]?.focus({ preventScroll: true });
  });
  return made;
}

function draw() {
  const at = window.scrollY;
  forget();
  document.documentElement.lang = language;
  document.title = say("title");
  const parts = PARTS.map(drawn).filter(Boolean);
  document.body.replaceChildren(
    element("a", { href: "#main", class: "skip" }, say("skip")),
    element("header", {}, switcher(), element("h1", {}, say("title")), summary()),
    contents(parts),
    element("main", { id: "main", tabindex: "-1" }, parts),
  );
  redraw();
  window.scrollTo(0, at);
}

draw();

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  requestAnimationFrame(redraw);
});
