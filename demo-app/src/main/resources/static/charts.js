// Rates and waits of the last minute.

import { byId, element, setText, svgElement } from "./elements.js";

const HISTORY = 120;

class Chart {
  constructor(id, unit, series) {
    this.svg = byId(id);
    this.max = byId(`${id}-max`);
    this.label = this.svg.getAttribute("aria-label");
    this.unit = unit;
    this.series = series.map(({ name, style }) => {
      const path = svgElement("path", { class: style });
      const value = element("b", {}, "0");
      const key = svgElement("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" });
      key.append(svgElement("path", { class: style, d: "M0 4H18" }));
      byId(`${id}-legend`).append(element("li", {}, key, name, value));
      this.svg.append(path);
      return { name, path, value, points: [] };
    });
  }

  add(values) {
    this.series.forEach((one, n) => {
      one.points.push(values[n]);
      if (one.points.length > HISTORY) {
        one.points.shift();
      }
    });
    const highest = Math.max(...this.series.flatMap(one => one.points));
    const scale = highest > 0 ? highest * 1.05 : 1;
    for (const one of this.series) {
      const first = HISTORY - one.points.length;
      one.path.setAttribute("d", one.points
        .map((value, n) => `${n ? "L" : "M"}${((first + n) * 600 / (HISTORY - 1)).toFixed(1)} ${(148 - value / scale * 144).toFixed(1)}`)
        .join(""));
      setText(one.value, this.text(one.points.at(-1)));
    }
    setText(this.max, highest > 0 ? `highest ${this.text(highest)}` : "");
    this.svg.setAttribute("aria-label", `${this.label}: ${this.series.map(one => `${one.name} ${one.value.textContent}`).join(", ")}`);
  }

  text(value) {
    const digits = value > 0 && value < 10 ? 1 : 0;
    return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits }) + this.unit;
  }
}

const rates = new Chart("rates", "", [
  { name: "acquired", style: "s-accent" }, { name: "waited", style: "s-soft" }, { name: "refused", style: "s-warn" }]);
const waits = new Chart("waits", " ms", [{ name: "mean", style: "s-accent" }]);
const samples = [];

export function showTotals(totals) {
  samples.push({ at: performance.now(), ...totals });
  if (samples.length > 3) {
    samples.shift();
  }
  const [before, now] = [samples[0], samples.at(-1)];
  const seconds = (now.at - before.at) / 1000;
  const per = name => (seconds > 0 ? Math.max(0, now[name] - before[name]) / seconds : 0);
  rates.add([per("acquired"), per("waited"), per("rejected")]);
  waits.add([now.waited > before.waited ? (now.waitedMillis - before.waitedMillis) / (now.waited - before.waited) : 0]);
}
