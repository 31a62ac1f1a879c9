// Everything that comes from the application is set as text, never as markup: a key may be called anything.

const POLL_MILLIS = 500;
const HISTORY = 120;
const ROWS = 8;
const MOST_DOTS = 4;
const BATCH = "batch";

const byId = id => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function svgElement(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  return made;
}

async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.status === 404 || answer.status === 204) {
    return null;
  }
  if (!answer.ok) {
    throw new Error(await problemOf(answer));
  }
  return answer.json();
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title || `status ${answer.status}`;
  } catch {
    return `status ${answer.status}`;
  }
}

function announce(text) {
  byId("announcer").textContent = text;
}

function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// ---- ages, which go on between two answers

/** The milliseconds of an ISO-8601 duration such as PT1M2.5S. */
function millisOf(iso) {
  const [, hours = 0, minutes = 0, seconds = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(iso) || [];
  return ((+hours * 60 + +minutes) * 60 + +seconds) * 1000;
}

function showAge(node, iso) {
  if (iso === null) {
    delete node.dataset.since;
    setText(node, "");
  } else {
    node.dataset.since = performance.now() - millisOf(iso);
  }
}

function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, performance.now() - node.dataset.since) / 1000;
    setText(node, seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} m ${Math.floor(seconds % 60)} s`);
  }
}

// ---- lockers

class KeyRow {
  constructor(locker, key, limit) {
    this.key = key;
    this.button = element("button", { type: "button", class: "key" });
    this.name = element("span", { class: "key-name" }, key);
    this.name.title = key;
    this.permits = element("span", { class: "permits", "aria-hidden": "true" });
    for (let n = 0; n < Math.min(limit, 10); n++) {
      this.permits.append(element("span"));
    }
    this.queue = element("span", { class: "queue", "aria-hidden": "true" });
    this.age = element("span", { class: "age", "aria-hidden": "true" });
    this.spoken = element("span", { class: "unseen" });
    this.button.append(this.name, this.permits, this.queue, this.age, this.spoken);
    this.button.addEventListener("click", () => openKey(locker, key));
    this.limit = limit;
  }

  show(figures) {
    const used = figures ? figures.holders : 0;
    const waiting = figures ? figures.waiters : 0;
    this.button.classList.toggle("free", used === 0 && waiting === 0);
    const segments = [...this.permits.children];
    const filled = Math.ceil((Math.min(used, this.limit) / this.limit) * segments.length);
    segments.forEach((segment, n) => segment.classList.toggle("used", n < filled));
    const dots = Math.min(waiting, MOST_DOTS);
    if (this.dots !== dots || this.more !== waiting - dots) {
      this.dots = dots;
      this.more = waiting - dots;
      this.queue.replaceChildren(...Array.from({ length: dots }, () => element("i")));
      if (this.more > 0) {
        this.queue.append(`+${this.more}`);
      }
    }
    showAge(this.age, figures && used > 0 ? figures.longestHold : null);
    setText(this.spoken, `, ${used} of ${this.limit} permits in use, ${waiting} waiting`);
  }
}

class LockerCard {
  constructor(name, note) {
    this.name = name;
    this.rows = new Map();
    this.tags = element("ul", { class: "tags" });
    this.stats = {};
    const stats = element("dl", { class: "stats" });
    for (const [id, label] of [["activeKeys", "active keys"], ["holders", "holders"], ["waiters", "waiters"]]) {
      this.stats[id] = element("dd", {}, "0");
      stats.append(element("div", {}, element("dt", {}, label), this.stats[id]));
    }
    this.keys = element("div", { class: "keys" });
    this.more = element("p", { class: "more" });
    const title = element("h3", { id: `locker-${name}` }, name);
    this.node = element("article", { class: "card locker", "data-locker": name, "aria-labelledby": `locker-${name}` },
      element("div", { class: "locker-head" }, title, this.tags));
    if (note) {
      this.node.append(element("p", { class: "where" }, note));
    }
    this.node.append(stats,
      element("div", { class: "keys-head", "aria-hidden": "true" },
        ...["key", "permits", "waiting", "held for"].map(label => element("span", {}, label))),
      this.keys, this.more);
  }

  show(locker) {
    const backend = locker.backend === "local" ? "in this process" : `on ${locker.backend}`;
    const tags = [`limit ${locker.limit}`, backend];
    if (this.tags.childElementCount !== tags.length || this.tagText !== tags.join()) {
      this.tagText = tags.join();
      this.tags.replaceChildren(...tags.map(tag => element("li", {}, tag)));
    }
    const possible = locker.activeKeys * locker.limit;
    this.stats.holders.replaceChildren(locker.holders.toLocaleString("en"),
      possible > 0 ? element("small", {}, ` of ${possible.toLocaleString("en")}`) : "");
    setText(this.stats.activeKeys, locker.activeKeys.toLocaleString("en"));
    setText(this.stats.waiters, locker.waiters.toLocaleString("en"));
    this.showKeys(locker);
  }

  /** A key keeps its row while it is among the hot ones, so that rows do not jump about and keep the focus. */
  showKeys(locker) {
    const hot = new Map(locker.keys.slice(0, 3 * ROWS).map(figures => [figures.key, figures]));
    const now = performance.now();
    for (const [key, row] of this.rows) {
      const figures = hot.get(key);
      if (figures) {
        row.seen = now;
      } else if (now - row.seen > 1500 && !row.button.matches(":focus")) {
        row.button.remove();
        this.rows.delete(key);
        continue;
      }
      row.show(figures);
    }
    for (const figures of hot.values()) {
      if (this.rows.size >= ROWS) {
        break;
      }
      if (!this.rows.has(figures.key)) {
        const row = new KeyRow(this.name, figures.key, locker.limit);
        row.seen = now;
        row.show(figures);
        this.rows.set(figures.key, row);
        this.keys.append(row.button);
      }
    }
    const hidden = locker.activeKeys - [...this.rows.keys()].filter(key => hot.has(key)).length;
    this.node.dataset.empty = this.rows.size === 0;
    setText(this.more, this.rows.size === 0 ? "All free: no key is held or awaited."
      : hidden > 0 ? `and ${plural(hidden, "more key", "more keys")}` : "");
  }
}

const cards = new Map();
const idle = { limit: 1, backend: "local", activeKeys: 0, holders: 0, waiters: 0, keys: [] };

function showLockers(lockers, batch) {
  const all = { ...lockers, [BATCH]: batch || idle };
  for (const [name, locker] of Object.entries(all)) {
    if (!cards.has(name)) {
      const card = new LockerCard(name, name === BATCH ? "Made for one batch of messages, and gone with it." : "");
      cards.set(name, card);
      byId("lockers").insertBefore(card.node, name === BATCH ? null : cards.get(BATCH)?.node ?? null);
    }
    cards.get(name).show(locker);
  }
}

// ---- one key

const dialog = byId("key-dialog");
let opened = null;

const pathOf = locker => (locker === BATCH ? "batches/keyedlocks/" : "actuator/keyedlocks/") + encodeURIComponent(locker);

function openKey(locker, key) {
  opened = { locker, key };
  setText(byId("key-where"), `Key of the locker ${locker}`);
  setText(byId("key-title"), key);
  showKey(null, true);
  dialog.showModal();
  pollKey();
}

async function pollKey() {
  if (opened === null) {
    return;
  }
  const asked = opened;
  try {
    const answer = await getJson(`${pathOf(asked.locker)}?key=${encodeURIComponent(asked.key)}`);
    if (opened === asked) {
      showKey(answer, false);
    }
  } catch {
    // The status line tells of it.
  }
}

function showKey(key, asking) {
  setText(byId("key-summary"), asking ? "Looking …"
    : key === null ? "Free: nobody holds it, nobody waits."
      : `${plural(key.holders, "holder", "holders")}, ${plural(key.waiters, "waiter", "waiters")}`);
  showCallers(byId("holders"), key ? key.holding : [], key ? key.holders : 0, "nobody");
  showCallers(byId("waiters"), key ? key.waiting : [], key ? key.waiters : 0, "nobody");
}

function showCallers(list, callers, count, none) {
  const items = callers.map(caller => {
    const age = element("span", { class: "age" });
    showAge(age, caller.age);
    const thread = caller.thread === "async" ? "async (no thread owns it)" : caller.thread;
    return element("li", {}, element("span", {}, thread), age);
  });
  if (items.length === 0) {
    items.push(element("li", { class: "none" }, none));
  } else if (count > items.length) {
    items.push(element("li", { class: "none" }, `and ${count - items.length} more`));
  }
  list.replaceChildren(...items);
  tick();
}

byId("key-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => { opened = null; });

// ---- charts

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

function showTotals(totals) {
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

// ---- the live view

function showStatus(state, text) {
  byId("status").dataset.state = state;
  setText(byId("status-text"), text);
}

async function poll() {
  try {
    if (!document.hidden) {
      const [live, batch, totals] =
        await Promise.all([getJson("actuator/keyedlocks"), getJson("batches/keyedlocks"), getJson("totals"), pollKey()]);
      showLockers(live.lockers, batch.lockers[BATCH]);
      showTotals(totals);
      tick();
      showStatus("live", "live");
    }
  } catch {
    showStatus("lost", "the demo does not answer");
  }
  setTimeout(poll, POLL_MILLIS);
}

// ---- runs

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

async function showUses() {
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

byId("report-form").addEventListener("submit", async event => {
  event.preventDefault();
  const tenant = byId("tenant").value;
  const seconds = Number(byId("seconds").value);
  const wait = !byId("no-wait").checked;
  const outcome = element("b", {}, "asked for");
  const entry = element("li", {}, `Report for ${tenant}: `, outcome);
  const log = byId("report-log");
  log.prepend(entry);
  while (log.childElementCount > 5) {
    log.lastElementChild.remove();
  }
  try {
    const answer = await fetch(
      `tenants/${encodeURIComponent(tenant)}/reports?wait=${wait}&millis=${Math.round(seconds * 1000)}`, { method: "POST" });
    setText(outcome, answer.ok ? "done" : answer.status === 429 ? "429, turned away" : await problemOf(answer));
  } catch {
    setText(outcome, "no answer");
  }
});

setInterval(tick, 100);
showUses().catch(() => showStatus("lost", "the demo does not answer"));
poll();
