// A card for each locker, a row for each hot key.

import { byId, element, plural, setText, showAge } from "./elements.js";
import { BATCH, openKey } from "./keys.js";

const ROWS = 8;
const MOST_DOTS = 4;

class KeyRow {
  constructor(locker, key, limit) {
    this.key = key;
    this.button = element("button", { type: "button", class: "key" });
    this.name = element("span", { class: "key-name" }, key);
    this.name.title = key;
    this.permits = element("span", { class: "permits", "aria-hidden": "true" });
    this.queue = element("span", { class: "queue", "aria-hidden": "true" });
    this.age = element("span", { class: "age", "aria-hidden": "true" });
    this.spoken = element("span", { class: "unseen" });
    this.button.append(this.name, this.permits, this.queue, this.age, this.spoken);
    this.button.addEventListener("click", () => openKey(locker, key));
    this.setLimit(limit);
  }

  setLimit(limit) {
    if (this.limit !== limit) {
      this.limit = limit;
      this.permits.replaceChildren(...Array.from({ length: Math.min(limit, 10) }, () => element("span")));
    }
  }

  show(figures) {
    if (figures?.limit) {
      this.setLimit(figures.limit);
    }
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

export function showLockers(lockers, batch) {
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
