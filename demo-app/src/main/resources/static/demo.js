import { element, setText } from "./actuator/keyedlocks/page/elements.js";
import { watch } from "./actuator/keyedlocks/page/live.js";
import { problemOf, showUses } from "./uses.js";

const byId = id => document.getElementById(id);

byId("report-form").addEventListener("submit", async event => {
  event.preventDefault();
  const tenant = byId("tenant").value;
  const seconds = Number(byId("seconds").value);
  const wait = !byId("no-wait").checked;
  const outcome = element("b", {}, "requested");
  const entry = element("li", {}, `Report for ${tenant}: `, outcome);
  const log = byId("report-log");
  log.prepend(entry);
  while (log.childElementCount > 5) {
    log.lastElementChild.remove();
  }
  try {
    const answer = await fetch(
      `tenants/${encodeURIComponent(tenant)}/reports?wait=${wait}&millis=${Math.round(seconds * 1000)}`, { method: "POST" });
    setText(outcome, answer.ok ? "done" : answer.status === 429 ? "429, rejected" : await problemOf(answer));
  } catch {
    setText(outcome, "no answer");
  }
});

// ---- the limit of the tenant, where the application lets it be changed

const limitPath = () => `tenants/${encodeURIComponent(byId("tenant").value)}/limit`;

function showLimit(limit) {
  byId("tenant-limit").hidden = limit === null;
  byId("tenant-limit").dataset.limit = limit;
  setText(byId("limit-now"), limit === null ? "" : `At most ${limit} ${limit === 1 ? "report" : "reports"} at once`);
  byId("limit-lower").disabled = limit === 1;
}

/** Shows the limit that a request answers with, unless the tenant has changed meanwhile. */
async function showAnswer(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  const limit = answer?.ok ? (await answer.json()).limit : null;
  if (path === limitPath()) {
    showLimit(limit);
  }
}

function changeLimit(by) {
  const limit = Number(byId("tenant-limit").dataset.limit) + by;
  showAnswer(limitPath(), {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ limit }),
  });
}

byId("limit-lower").addEventListener("click", () => changeLimit(-1));
byId("limit-raise").addEventListener("click", () => changeLimit(1));
byId("tenant").addEventListener("input", () => showAnswer(limitPath()));
showAnswer(limitPath());

showUses();
watch(byId("view"), "actuator/keyedlocks");
