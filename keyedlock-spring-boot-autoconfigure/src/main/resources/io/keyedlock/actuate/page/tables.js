// The three tables: the most contended keys, the lockers, and who got no permit.

import { refusalsOf } from "./charts.js";
import { count, duration, element, Rows, setText, showAge, visible } from "./elements.js";

const MOST_SEGMENTS = 10;
const MOST_DOTS = 4;

const OUTCOMES = {
  timeout: "timed out", rejected: "rejected", interrupted: "interrupted", cancelled: "cancelled", closed: "locker closed",
  deadlock: "deadlock broken", backend: "backend failed"
};

const outcome = id => OUTCOMES[id] ?? id;

/** A table in a card. A column is a label and a class, which the cells of the column have too. */
function table(caption, columns, idOf, make) {
  const body = element("tbody");
  const none = element("p", { class: "none" });
  const node = element("div", { class: "table" },
    element("table", {}, element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {},
        ...columns.map(([label, style]) => element("th", { scope: "col", class: style }, label)))),
      body),
    none);
  const rows = new Rows(body, idOf, make);
  return {
    node,
    show(items, asked, whenEmpty) {
      rows.show(items, asked);
      setText(none, items.length === 0 ? whenEmpty : "");
      node.classList.toggle("empty", body.childElementCount === 0);
    }
  };
}

function cells(styles, header) {
  const made = styles.map((style, n) => element(n === header ? "th" : "td", n === header ? { class: style, scope: "row" } : { class: style }));
  return [element("tr", {}, ...made), made];
}

// ---- keys

const KEY_COLUMNS = [["Key", "name"], ["Locker", "of"], ["Permits in use", "permits"], ["Waiting", "queue"],
  ["Held for", "age"], ["Longest wait", "age wait"]];

export function keyTable(open) {
  return table("The most contended keys", KEY_COLUMNS, key => key.id, key => new KeyRow(key, open));
}

class KeyRow {
  constructor(key, open) {
    const [node, [name, of, permits, queue, held, wait]] = cells(KEY_COLUMNS.map(([, style]) => style), 0);
    Object.assign(this, { node, held, wait });
    const button = element("button", { type: "button", class: "key" }, element("bdi", {}, visible(key.key)));
    button.addEventListener("click", () => open(key));
    name.append(button);
    of.append(key.lock);
    this.bar = element("span", { class: "bar", "aria-hidden": "true" });
    this.inUse = element("span");
    permits.append(this.bar, this.inUse);
    this.dots = element("span", { class: "dots", "aria-hidden": "true" });
    this.waiting = element("span");
    queue.append(this.dots, this.waiting);
  }

  show(key, asked) {
    const [holders, waiters, limit] = key ? [key.holders, key.waiters, key.limit] : [0, 0, this.limit];
    this.limit = limit;
    this.node.classList.toggle("free", key === null);
    const segments = Math.min(limit, MOST_SEGMENTS);
    fill(this.bar, segments);
    const used = Math.ceil(Math.min(holders, limit) / limit * segments);
    [...this.bar.children].forEach((segment, n) => segment.classList.toggle("used", n < used));
    setText(this.inUse, `${count(holders)} of ${count(limit)}`);
    fill(this.dots, Math.min(waiters, MOST_DOTS));
    setText(this.waiting, count(waiters));
    showAge(this.held, key && holders > 0 ? key.holdMillis : null, asked);
    this.held.classList.toggle("long", key !== null && key.longHoldMillis > 0 && key.holdMillis >= key.longHoldMillis);
    showAge(this.wait, key && waiters > 0 ? key.waitMillis : null, asked);
  }
}

function fill(node, number) {
  while (node.childElementCount > number) {
    node.lastElementChild.remove();
  }
  while (node.childElementCount < number) {
    node.append(element("i"));
  }
}

// ---- lockers

const LOCKER_COLUMNS = [["Locker", "name"], ["Limit", "number"], ["Permits from", "source"], ["Active keys", "number"],
  ["Holders", "number"], ["Waiters", "number"], ["Acquired", "number acquired"], ["Refused", "refused"]];

export function lockerTable(choose) {
  return table("All lockers", LOCKER_COLUMNS, locker => locker.name, locker => new LockerRow(locker, choose));
}

class LockerRow {
  constructor(locker, choose) {
    const [node, made] = cells(LOCKER_COLUMNS.map(([, style]) => style), 0);
    this.node = node;
    [this.name, this.limit, this.source, this.keys, this.holders, this.waiters, this.acquired, this.refused] = made;
    node.dataset.locker = locker.name;
    this.button = element("button", { type: "button", "aria-pressed": "false" }, element("bdi", {}, visible(locker.name)));
    this.button.addEventListener("click", () => choose(locker.name));
    this.name.append(this.button);
  }

  show(locker) {
    if (locker === null) {
      return;
    }
    this.button.setAttribute("aria-pressed", locker.chosen);
    setText(this.limit, count(locker.limit));
    setText(this.source, locker.backend === "local" ? "this process"
      : locker.backendUp ? locker.backend : `${locker.backend}, unreachable`);
    this.source.classList.toggle("long", !locker.backendUp);
    setText(this.keys, count(locker.activeKeys));
    setText(this.holders, count(locker.holders));
    setText(this.waiters, count(locker.waiters));
    this.waiters.classList.toggle("some", locker.waiters > 0);
    setText(this.acquired, locker.counts ? count(locker.counts.acquired) : "");
    setText(this.refused, refusalsOf(locker.counts) === 0 ? "" : Object.entries(locker.counts.refused)
      .map(([id, number]) => `${count(number)} ${outcome(id)}`).join(", "));
  }
}

// ---- refusals

const REFUSAL_COLUMNS = [["Ago", "age"], ["Why", "why"], ["Key", "name"], ["Locker", "of"], ["Waited", "age wait"]];

export function refusalTable() {
  const rows = table("The last callers that got no permit", REFUSAL_COLUMNS, refusal => refusal.id, () => new RefusalRow());
  return { node: rows.node, show: (refusals, asked, whenEmpty) => rows.show(grouped(refusals), asked, whenEmpty) };
}

/** Joins refusals of one key for one reason. The newest comes first. A hidden key is null or absent, as the application writes JSON. */
function grouped(refusals) {
  const groups = new Map();
  for (const refusal of refusals.map(one => ({ ...one, key: one.key ?? undefined }))) {
    const id = JSON.stringify([refusal.lock, refusal.key, refusal.outcome]);
    const group = groups.get(id);
    if (group) {
      group.times++;
    } else {
      groups.set(id, { ...refusal, id, times: 1 });
    }
  }
  return [...groups.values()];
}

class RefusalRow {
  constructor() {
    const [node, made] = cells(REFUSAL_COLUMNS.map(([, style]) => style), 2);
    this.node = node;
    [this.ago, this.why, this.key, this.of, this.waited] = made;
  }

  show(refusal, asked) {
    if (refusal === null) {
      return;
    }
    showAge(this.ago, refusal.ageMillis, asked);
    setText(this.why, outcome(refusal.outcome) + (refusal.times > 1 ? `, ${refusal.times} times` : ""));
    const key = refusal.key === undefined ? "hidden" : visible(refusal.key);
    if (this.key.textContent !== key) {
      this.key.replaceChildren(element("bdi", {}, key));
    }
    setText(this.of, refusal.lock);
    setText(this.waited, refusal.waitedMillis > 0 ? duration(refusal.waitedMillis) : "not at all");
  }
}
