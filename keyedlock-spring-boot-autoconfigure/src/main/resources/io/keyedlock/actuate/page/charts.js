// Rates and waits of the last minutes, which the browser alone remembers.

import { element, setText, svgElement } from "./elements.js";

const MINUTE = 60_000;
const SPAN = 5 * MINUTE;
const STEP = 950;

/** Between two answers that are so far apart, nothing is known. */
const GAP = 4000;

const [ACQUIRED, WAITS, WAITED, REFUSED, HOLDERS, WAITERS] = [0, 1, 2, 3, 4, 5];

/** The figures of all lockers in the last minutes. */
export class History {
  #samples = [];

  add(lockers, asked) {
    const last = this.#samples.at(-1);
    if (last && asked - last.at < STEP) {
      return false;
    }
    const figures = new Map();
    const all = [0, 0, 0, 0, 0, 0];
    for (const [name, locker] of Object.entries(lockers)) {
      const counts = locker.counts;
      const one = [counts?.acquired ?? 0, counts?.waits ?? 0, counts?.waitedMillis ?? 0,
        refusalsOf(counts), locker.holders, locker.waiters];
      figures.set(name, one);
      one.forEach((value, n) => { all[n] += value; });
    }
    figures.set("", all);
    this.#samples.push({ at: asked, figures });
    while (asked - this.#samples[0].at > SPAN) {
      this.#samples.shift();
    }
    return true;
  }

  /** The points of one locker, or of all for "": the time and six values, or null where nothing is known. */
  points(name) {
    const points = [];
    for (let n = 1; n < this.#samples.length; n++) {
      const [before, now] = [this.#samples[n - 1], this.#samples[n]];
      const [a, b] = [before.figures.get(name), now.figures.get(name)];
      const known = a && b && now.at - before.at < GAP && b[ACQUIRED] >= a[ACQUIRED] && b[WAITS] >= a[WAITS];
      points.push({ at: now.at, values: known ? values(a, b, (now.at - before.at) / 1000) : null });
    }
    return points;
  }
}

function values(a, b, seconds) {
  const per = n => Math.max(0, b[n] - a[n]) / seconds;
  const waits = b[WAITS] - a[WAITS];
  return {
    acquired: per(ACQUIRED), waited: per(WAITS), refused: per(REFUSED),
    wait: waits > 0 ? (b[WAITED] - a[WAITED]) / waits : 0, holders: b[HOLDERS], waiters: b[WAITERS]
  };
}

export const refusalsOf = counts => Object.values(counts?.refused ?? {}).reduce((sum, one) => sum + one, 0);

export class Chart {
  constructor(title, unit, series) {
    this.title = title;
    this.unit = unit;
    this.svg = svgElement("svg", { role: "img", viewBox: "0 0 600 150", preserveAspectRatio: "none" });
    this.begin = element("span");
    this.highest = element("span");
    const legend = element("ul", { class: "legend" });
    this.series = series.map(({ id, name, style }) => {
      const path = svgElement("path", { class: style });
      const value = element("b", {}, "0");
      const sample = svgElement("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" });
      sample.append(svgElement("path", { class: style, d: "M0 4H18" }));
      legend.append(element("li", {}, sample, name, value));
      this.svg.append(path);
      return { id, name, path, value };
    });
    this.node = element("figure", { class: "card chart" },
      element("figcaption", {}, element("h2", {}, title), legend), this.svg,
      element("p", { class: "axis" }, this.begin, this.highest, element("span", {}, "now")));
  }

  draw(points, now) {
    const of = id => points.flatMap(point => (point.values ? [point.values[id]] : []));
    const highest = Math.max(0, ...this.series.flatMap(one => of(one.id)));
    const scale = highest > 0 ? highest * 1.05 : 1;
    const minutes = Math.max(1, Math.ceil((now - (points[0]?.at ?? now)) / MINUTE));
    const span = minutes * MINUTE;
    for (const { id, path, value } of this.series) {
      let pen = "M";
      let line = "";
      for (const point of points) {
        if (point.values === null) {
          pen = "M";
        } else {
          line += `${pen}${(600 - (now - point.at) / span * 600).toFixed(1)} ${(148 - point.values[id] / scale * 144).toFixed(1)}`;
          pen = "L";
        }
      }
      path.setAttribute("d", line);
      const last = points.at(-1)?.values;
      setText(value, last ? this.#text(last[id]) : "–");
    }
    setText(this.begin, `${minutes} min ago`);
    setText(this.highest, highest > 0 ? `max. ${this.#text(highest)}` : "");
    this.svg.setAttribute("aria-label",
      `${this.title}: ${this.series.map(one => `${one.name} ${one.value.textContent}`).join(", ")}`);
  }

  #text(value) {
    const digits = value > 0 && value < 10 && !Number.isInteger(value) ? 1 : 0;
    return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits }) + this.unit;
  }
}
