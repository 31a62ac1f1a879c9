// The live view of an endpoint, in any element of any page.

import { Chart, History } from "./charts.js";
import { count, element, plural, setText, tick, visible } from "./elements.js";
import { KeyDialog } from "./key.js";
import { Poller } from "./poller.js";
import { keyTable, lockerTable, refusalTable } from "./tables.js";

const TICK = 100;
const RESORT = 3000;

/** Shows what an endpoint tells until the page is left. The endpoint is a URL, absolute or relative to the page. */
export function watch(root, endpoint) {
  new LiveView(root, endpoint.replace(/\/+$/, ""));
}

class LiveView {
  #lock = "";
  #order = [];
  #sorted = -Infinity;

  constructor(root, endpoint) {
    this.endpoint = endpoint;
    this.history = new History();
    this.dialog = new KeyDialog(endpoint);
    this.statusText = element("span", {}, "connecting");
    this.status = element("p", { class: "status", role: "status" }, element("span", { class: "dot", "aria-hidden": "true" }), this.statusText);
    this.totals = totals();
    this.rates = new Chart("Per second", "", [{ id: "acquired", name: "acquired", style: "s-accent" },
      { id: "waited", name: "waited", style: "s-soft" }, { id: "refused", name: "refused", style: "s-warn" }]);
    this.waits = new Chart("Mean wait", " ms", [{ id: "wait", name: "mean", style: "s-accent" }]);
    this.callers = new Chart("Callers", "", [{ id: "holders", name: "holders", style: "s-soft" },
      { id: "waiters", name: "waiters", style: "s-accent" }]);
    this.keys = keyTable(key => this.dialog.open(key));
    this.lockers = lockerTable(name => this.#choose(this.#lock === name ? "" : name));
    this.refusals = refusalTable();
    this.keyNote = element("p", { class: "note", "aria-live": "off" });
    this.filter = element("input", { type: "search", id: "key-filter", autocomplete: "off", maxlength: "200" });
    this.choice = element("select", { id: "locker-choice" });
    this.body = element("div", { class: "live" },
      this.totals.node,
      element("div", { class: "charts" }, this.rates.node, this.waits.node, this.callers.node),
      section("Most contended keys", this.#controls(), this.keyNote, this.keys.node),
      section("Lockers", this.lockers.node),
      section("No permit", this.refusals.node));
    root.append(this.status, element("div", { class: "live-box" }, this.body), this.dialog.node);
    this.root = root;
    this.poller = new Poller(() => this.#url(), (state, asked) => this.#show(state, asked));
    this.poller.restart();
    setInterval(() => this.#tick(), TICK);
  }

  #controls() {
    this.filter.addEventListener("input", () => this.poller.restart());
    this.choice.addEventListener("change", () => this.#choose(this.choice.value));
    return element("div", { class: "controls", role: "search", "aria-label": "Keys" },
      element("label", { for: "key-filter" }, "Filter by key ", this.filter),
      element("label", { for: "locker-choice" }, "Locker ", this.choice));
  }

  #choose(name) {
    this.#lock = name;
    this.choice.value = name;
    this.poller.restart();
  }

  #url() {
    const query = new URLSearchParams();
    if (this.#lock !== "") {
      query.set("lock", this.#lock);
    }
    if (this.filter.value !== "") {
      query.set("text", this.filter.value);
    }
    return `${this.endpoint}/page/state?${query}`;
  }

  #show(state, asked) {
    if (state === null) {
      this.poller.problem = "the page is switched off here";
      return;
    }
    const lockers = Object.entries(state.lockers);
    const chosen = lockers.filter(([name]) => this.#lock === "" || this.#lock === name);
    this.#showNames(lockers.map(([name]) => name));
    this.totals.show(chosen.map(([, locker]) => locker));
    this.keys.show(identified(state.keys).map(key => ({
      ...key, longHoldMillis: state.lockers[key.lock].longHoldMillis
    })), asked, this.#noKeys(chosen));
    setText(this.keyNote, this.#note(state, chosen));
    this.lockers.show(this.#sort(lockers).map(([name, locker]) => ({ ...locker, name, chosen: name === this.#lock })), asked,
      "There are no lockers yet.");
    this.refusals.show(state.refusals, asked, "Nobody was refused a permit, as far as the page knows.");
    const counted = lockers.some(([, locker]) => locker.counts);
    this.rates.node.hidden = !counted;
    this.waits.node.hidden = !counted;
    if (this.history.add(state.lockers, asked) || this.drawn !== this.#lock) {
      this.drawn = this.#lock;
      const points = this.history.points(this.#lock);
      for (const chart of [this.rates, this.waits, this.callers]) {
        chart.draw(points, asked);
      }
    }
    this.#tick();
  }

  /** The busiest lockers come first. The order changes from time to time only, so that it can be read. */
  #sort(lockers) {
    const now = performance.now();
    if (now - this.#sorted > RESORT || this.#order.length !== lockers.length) {
      this.#sorted = now;
      this.#order = lockers.toSorted(([nameA, a], [nameB, b]) =>
        b.waiters - a.waiters || b.holders - a.holders || (nameA < nameB ? -1 : 1)).map(([name]) => name);
    }
    const byName = new Map(lockers);
    return this.#order.filter(name => byName.has(name)).map(name => [name, byName.get(name)]);
  }

  #showNames(names) {
    const shown = names.join("\n");
    if (this.names !== shown) {
      this.names = shown;
      this.choice.replaceChildren(element("option", { value: "" }, "all lockers"),
        ...names.map(name => element("option", { value: name }, visible(name))));
      this.choice.value = this.#lock;
    }
  }

  #noKeys(lockers) {
    return lockers.length > 0 && lockers.every(([, locker]) => locker.keysHidden) ? "Keys are hidden. The counts include all of them."
      : this.filter.value !== "" ? "No active key contains this text."
        : "No key is held or waited for.";
  }

  #note(state, lockers) {
    const hidden = lockers.filter(([, locker]) => locker.keysHidden);
    const all = lockers.reduce((sum, [, locker]) => sum + locker.activeKeys, 0);
    const parts = [];
    if (state.matching > state.keys.length && state.keys.length > 0) {
      parts.push(`The first ${state.keys.length} of ${count(state.matching)}.`);
    }
    if (this.filter.value !== "" && state.searched < all - hidden.reduce((sum, [, locker]) => sum + locker.activeKeys, 0)) {
      parts.push(`Only the ${count(state.searched)} most contended of ${count(all)} active keys were searched.`);
    }
    if (hidden.length > 0 && hidden.length < lockers.length) {
      parts.push(`${plural(hidden.length, "locker hides its keys", "lockers hide their keys")}.`);
    }
    return parts.join(" ");
  }

  #tick() {
    const [state, text] = this.poller.status;
    this.status.dataset.state = state;
    setText(this.statusText, text);
    this.body.classList.toggle("stale", state === "silent" || this.poller.asked === null);
    this.dialog.tick();
    tick(this.root);
  }
}

/** Gives each key an id. Keys that differ, such as a number and a string, may have the same text. */
function identified(keys) {
  const seen = new Map();
  return keys.map(key => {
    const text = JSON.stringify([key.lock, key.key]);
    seen.set(text, (seen.get(text) ?? 0) + 1);
    return { ...key, id: `${seen.get(text)} ${text}` };
  });
}

const section = (title, ...children) => element("section", { class: "card" }, element("h2", {}, title), ...children);

function totals() {
  const figures = [["lockers", "lockers"], ["activeKeys", "active keys"], ["holders", "holders"], ["waiters", "waiters"]]
    .map(([id, label]) => ({ id, label, value: element("dd", {}, "0") }));
  const node = element("dl", { class: "stats card" },
    ...figures.map(({ label, value }) => element("div", {}, element("dt", {}, label), value)));
  return {
    node,
    show(lockers) {
      for (const { id, value } of figures) {
        setText(value, count(id === "lockers" ? lockers.length : lockers.reduce((sum, one) => sum + one[id], 0)));
      }
    }
  };
}
