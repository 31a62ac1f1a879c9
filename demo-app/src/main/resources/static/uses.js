// The uses, each of which runs with the lock and without, and their figures side by side. The server knows what runs and what the
// last figures are, so all windows show the same.

import { element, setText } from "./actuator/keyedlocks/page/elements.js";
import { Poller } from "./actuator/keyedlocks/page/poller.js";

class UseCard {
  constructor(use, node) {
    this.use = use;
    this.results = new Map();
    this.buttons = element("div", { class: "buttons" });
    this.addButton("Compare", "primary", () => this.run(use.ways));
    for (const way of use.ways) {
      this.addButton(way.label, "", () => this.run([way]));
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

  async run(ways) {
    setText(this.problem, "");
    try {
      const query = ways.map(way => `way=${encodeURIComponent(way.id)}`).join("&");
      const answer = await fetch(`uses/${this.use.id}/runs?${query}`, { method: "POST" });
      if (!answer.ok) {
        throw new Error(await problemOf(answer));
      }
    } catch (failure) {
      setText(this.problem, failure.message);
    }
    poller.restart();
  }

  /** Shows the state of all runs, as far as it concerns this use. */
  show({ busy, run, results }) {
    this.disable(busy);
    const mine = run?.use === this.use.id;
    this.progress.hidden = !(mine && busy);
    if (mine && busy) {
      this.showProgress(this.use.ways.find(way => way.id === run.way), run);
      setText(this.problem, "");
    }
    if (mine && run.state === "FAILED") {
      setText(this.problem, run.error);
    }
    const figures = JSON.stringify(results[this.use.id] ?? {});
    if (figures !== this.shown) {
      this.shown = figures;
      this.results = new Map(Object.entries(results[this.use.id] ?? {}));
      if (this.results.size > 0) {
        this.showResults();
      }
    }
    if (mine && run.state === "DONE" && this.announced !== run.id) {
      this.announced = run.id;
      const [first] = run.figures;
      setText(document.getElementById("announcer"), `${this.use.ways.find(way => way.id === run.way).label}: done. `
        + `${first.label} ${amount(first).map(part => part.textContent ?? part).join("")}`);
    }
  }

  showProgress(way, run) {
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
      element("span", { class: way.lock ? "share lock" : "share", "aria-hidden": "true" }, length));
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

export async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title || `status ${answer.status}`;
  } catch {
    return `status ${answer.status}`;
  }
}

const uses = [];
const poller = new Poller(() => "uses/state", state => uses.forEach(card => card.show(state)));

export async function showUses() {
  const answer = await fetch("uses");
  for (const use of await answer.json()) {
    const node = document.querySelector(`[data-use="${CSS.escape(use.id)}"]`);
    if (node) {
      uses.push(new UseCard(use, node));
    }
  }
  poller.restart();
}
