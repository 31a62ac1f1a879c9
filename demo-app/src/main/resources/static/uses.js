// The uses, each of which runs with the lock and without, and their figures side by side.

import { announce, element, getJson, problemOf, setText } from "./elements.js";

class UseCard {
  constructor(use, node) {
    this.use = use;
    this.results = new Map();
    this.buttons = element("div", { class: "buttons" });
    this.addButton("Compare", "primary", () => runAll(this, use.ways));
    for (const way of use.ways) {
      this.addButton(way.label, "", () => runAll(this, [way]));
    }
    this.progressText = element("span");
    this.progressBar = element("progress", { "aria-label": "Progress" });
    this.progress = element("div", { class: "progress" }, this.progressText, this.progressBar);
    this.progress.hidden = true;
    this.problem = element("p", { class: "problem", role: "alert" });
    this.table = element("table", { class: "results" });
    this.table.hidden = true;
    const parts = [element("p", { class: "conditions" }, use.conditions), this.buttons, this.progress, this.problem, this.table];
    node.querySelector("p").after(...parts);
  }

  addButton(label, style, action) {
    const button = element("button", { type: "button", class: style }, label);
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") !== "true") {
        action();
      }
    });
    this.buttons.append(button);
  }

  disable(disabled) {
    for (const button of this.buttons.children) {
      button.setAttribute("aria-disabled", disabled);
    }
  }

  showProgress(way, run) {
    this.progress.hidden = false;
    setText(this.progressText, `${way.label}: ${run.of > 0
      ? `${run.done.toLocaleString("en")} of ${run.of.toLocaleString("en")}` : "starting"}`);
    if (run.of > 0) {
      this.progressBar.max = run.of;
      this.progressBar.value = run.done;
    } else {
      this.progressBar.removeAttribute("value");
    }
  }

  showResults() {
    const labels = [...this.results.values()][0].map(figure => figure.label);
    const head = element("tr", {}, element("th", { scope: "col" }, element("span", { class: "unseen" }, "Figure")),
      ...this.use.ways.map(way => element("th", { scope: "col" }, way.label)));
    const body = labels.map((label, n) => {
      const highest = Math.max(...[...this.results.values()].map(figures => figures[n].value));
      return element("tr", {}, element("th", { scope: "row" }, label),
        ...this.use.ways.map(way => this.cell(way, this.results.get(way.id)?.[n], highest)));
    });
    this.table.replaceChildren(element("caption", { class: "unseen" }, "Results, side by side"),
      element("thead", {}, head), element("tbody", {}, ...body));
    this.table.hidden = false;
  }

  cell(way, figure, highest) {
    if (!figure) {
      return element("td", {}, element("span", { class: "value none" }, "not run"));
    }
    const length = element("span");
    length.style.width = `${highest > 0 ? figure.value / highest * 100 : 0}%`;
    return element("td", {}, element("span", { class: "value" }, ...amount(figure)),
      element("span", { class: way.lock ? "bar lock" : "bar", "aria-hidden": "true" }, length));
  }
}

function amount({ value, unit }) {
  if (unit !== "ms") {
    return [value.toLocaleString("en", { maximumFractionDigits: 0 })];
  }
  const long = value >= 1000;
  const shown = long ? value / 1000 : value;
  const digits = long ? 2 : value < 100 ? 1 : 0;
  return [shown.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
    element("small", {}, long ? " s" : " ms")];
}

const uses = new Map();
const pause = millis => new Promise(resolve => setTimeout(resolve, millis));

async function runAll(card, ways) {
  uses.forEach(other => other.disable(true));
  setText(card.problem, "");
  try {
    for (const way of ways) {
      card.showProgress(way, { done: 0, of: 0 });
      const answer = await fetch(`uses/${card.use.id}/runs?way=${encodeURIComponent(way.id)}`, { method: "POST" });
      if (!answer.ok) {
        throw new Error(await problemOf(answer));
      }
      await follow(card, way, await answer.json());
    }
  } catch (failure) {
    setText(card.problem, failure.message);
  } finally {
    card.progress.hidden = true;
    uses.forEach(other => other.disable(false));
  }
}

async function follow(card, way, begun) {
  let run = begun;
  while (run.state === "RUNNING") {
    card.showProgress(way, run);
    await pause(200);
    run = await getJson("uses/run");
    if (run === null || run.id !== begun.id) {
      throw new Error("The demo was started anew meanwhile");
    }
  }
  if (run.state === "FAILED") {
    throw new Error(run.error);
  }
  card.results.set(way.id, run.figures);
  card.showResults();
  const [first] = run.figures;
  announce(`${way.label}: done. ${first.label} ${amount(first).map(part => part.textContent ?? part).join("")}`);
}

export async function showUses() {
  for (const use of await getJson("uses")) {
    const node = document.querySelector(`[data-use="${CSS.escape(use.id)}"]`);
    if (node) {
      uses.set(use.id, new UseCard(use, node));
    }
  }
  const run = await getJson("uses/run");
  const card = run && uses.get(run.use);
  if (card && run.state === "RUNNING") {
    // A run goes on that another window began, or this one before it was loaded again.
    uses.forEach(other => other.disable(true));
    await follow(card, card.use.ways.find(way => way.id === run.way), run).catch(() => {});
    card.progress.hidden = true;
    uses.forEach(other => other.disable(false));
  }
}
