import { showTotals } from "./charts.js";
import { byId, element, getJson, problemOf, setText, tick } from "./elements.js";
import { BATCH, pollKey } from "./keys.js";
import { showLockers } from "./lockers.js";
import { showUses } from "./uses.js";

const POLL_MILLIS = 500;

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
