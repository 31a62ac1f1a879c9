// The dialog of one key: who holds it since when, who waits, here and in other processes.

import { element, millisOf, plural, Rows, setText, showAge, visible } from "./elements.js";
import { Poller } from "./poller.js";

/** A longer text does not fit into a URL that every server accepts. */
const LONGEST_IN_URL = 4000;

export class KeyDialog {
  #key = null;

  constructor(endpoint) {
    this.endpoint = endpoint;
    this.where = element("p", { class: "where" });
    this.title = element("h2", { id: "key-title" });
    this.status = element("p", { class: "status" }, element("span", { class: "dot", "aria-hidden": "true" }), element("span"));
    this.summary = element("p", { class: "summary", role: "status" });
    this.holders = new Callers("Holders");
    this.waiters = new Callers("Waiters, in order");
    this.elsewhere = new Callers("In other processes");
    const close = element("button", { type: "button", class: "quiet" }, "Close");
    this.body = element("div", { class: "columns" }, this.holders.node, this.waiters.node, this.elsewhere.node);
    this.node = element("dialog", { "aria-labelledby": "key-title", class: "key-dialog" },
      element("header", {}, this.where, this.title, close), this.status, this.summary, this.body);
    this.poller = new Poller(() => this.#url(), (answer, asked) => this.#show(this.#pick(answer), asked));
    close.addEventListener("click", () => this.node.close());
    this.node.addEventListener("close", () => {
      this.#key = null;
      this.poller.stop();
    });
  }

  open(key) {
    this.#key = key;
    setText(this.where, `Key of the locker ${key.lock}`);
    this.title.replaceChildren(element("bdi", {}, visible(key.key)));
    setText(this.summary, "");
    for (const list of [this.holders, this.waiters, this.elsewhere]) {
      list.show([], 0, 0);
    }
    this.node.showModal();
    this.poller.asked = null;
    this.poller.restart();
    this.tick();
  }

  tick() {
    if (this.#key !== null) {
      const [state, text] = this.poller.status;
      this.status.dataset.state = state;
      setText(this.status.lastElementChild, text);
      this.body.classList.toggle("stale", state === "silent");
    }
  }

  get #listed() {
    return this.#key.cut || encodeURIComponent(this.#key.key).length > LONGEST_IN_URL;
  }

  #url() {
    if (this.#key === null) {
      return null;
    }
    const locker = `${this.endpoint}/${encodeURIComponent(this.#key.lock)}`;
    return this.#listed ? locker : `${locker}?key=${encodeURIComponent(this.#key.key)}`;
  }

  /** Finds a key that cannot be asked for among the most contended ones. */
  #pick(answer) {
    if (!this.#listed || answer === null) {
      return answer;
    }
    const begin = this.#key.cut ? this.#key.key.slice(0, -1) : null;
    return answer.keys.find(({ key }) => (begin === null ? key === this.#key.key : key.startsWith(begin))) ?? null;
  }

  #show(key, asked) {
    setText(this.summary, key === null ? "Free: nobody holds it, and nobody waits for it."
      : `${plural(key.holders, "holder", "holders")}, ${plural(key.waiters, "waiter", "waiters")}`
        + (key.elsewhere.length > 0 ? `, ${plural(key.elsewhere.length, "holder", "holders")} in other processes` : ""));
    this.holders.show(key?.holding ?? [], key?.holders ?? 0, asked);
    this.waiters.show(key?.waiting ?? [], key?.waiters ?? 0, asked);
    this.elsewhere.show(key?.elsewhere ?? [], key?.elsewhere.length ?? 0, asked);
    this.elsewhere.node.hidden = !key || key.elsewhere.length === 0;
    this.tick();
  }
}

class Callers {
  constructor(title) {
    this.list = element("ol", { class: "callers" });
    this.rest = element("p", { class: "none" });
    this.node = element("section", {}, element("h3", {}, title), this.list, this.rest);
    this.rows = new Rows(this.list, caller => caller.id, () => new CallerRow());
  }

  show(callers, total, asked) {
    this.rows.show(callers.map((caller, n) => ({ ...caller, id: `${n} ${caller.thread ?? caller.owner}` })), asked);
    this.list.hidden = callers.length === 0;
    setText(this.rest, total === 0 ? "nobody" : total > callers.length ? `and ${plural(total - callers.length, "more", "more")}` : "");
  }
}

class CallerRow {
  constructor() {
    this.name = element("span", { class: "thread" });
    this.age = element("span", { class: "age" });
    this.stack = element("pre", { tabindex: "0", "aria-label": "Stack trace" });
    this.details = element("details", { open: "" }, element("summary", {}, "Long hold: what its thread does"), this.stack);
    this.node = element("li", {}, this.name, this.age, this.details);
  }

  show(caller, asked) {
    if (caller === null) {
      this.age.textContent = "gone";
      delete this.age.dataset.since;
      return;
    }
    setText(this.name, caller.owner ? visible(caller.owner)
      : caller.thread === "async" ? "async (no thread owns it)" : visible(caller.thread));
    showAge(this.age, millisOf(caller.age), asked);
    const stack = caller.stack ?? [];
    this.details.hidden = stack.length === 0;
    // Without class loaders and modules, which precede the class.
    setText(this.stack, stack.map(frame => frame.replace(/^[^(]*\//, "")).join("\n"));
  }
}
