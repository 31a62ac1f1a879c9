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

byId("key-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => { opened = null; });
