// The dialog of one key: who is inside, and who waits.

import { byId, element, getJson, plural, setText, showAge, tick } from "./elements.js";

export const BATCH = "batch";

const dialog = byId("key-dialog");
let opened = null;

const pathOf = locker => (locker === BATCH ? "batches/keyedlocks/" : "actuator/keyedlocks/") + encodeURIComponent(locker);

export function openKey(locker, key) {
  opened = { locker, key };
  setText(byId("key-where"), `Key of the locker ${locker}`);
  setText(byId("key-title"), key);
  showKey(null, true);
  dialog.showModal();
  pollKey();
  askLimit();
}

export async function pollKey() {
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

// ---- the limit of a tenant, where the application lets it be changed

const limitPath = key => `tenants/${encodeURIComponent(key)}/limit`;

function showLimit(limit) {
  byId("key-limit").hidden = limit === null;
  byId("key-limit").dataset.limit = limit;
  setText(byId("limit-now"), limit === null ? "" : `At most ${plural(limit, "report", "reports")} at once`);
  byId("limit-lower").disabled = limit === 1;
}

async function askLimit() {
  const asked = opened;
  showLimit(null);
  if (asked.locker === "tenants") {
    const answer = await getJson(limitPath(asked.key)).catch(() => null);
    if (opened === asked && answer !== null) {
      showLimit(answer.limit);
    }
  }
}

async function changeLimit(by) {
  const asked = opened;
  const limit = Number(byId("key-limit").dataset.limit) + by;
  const answer = await fetch(limitPath(asked.key), {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ limit }),
  }).catch(() => null);
  if (opened === asked && answer !== null && answer.ok) {
    showLimit((await answer.json()).limit);
    pollKey();
  }
}

byId("limit-lower").addEventListener("click", () => changeLimit(-1));
byId("limit-raise").addEventListener("click", () => changeLimit(1));

byId("key-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => { opened = null; });
