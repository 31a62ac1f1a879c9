// Everything that comes from the application is set as text, never as markup: a key may be called anything.

export const byId = id => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function svgElement(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  return made;
}

export async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.status === 404 || answer.status === 204) {
    return null;
  }
  if (!answer.ok) {
    throw new Error(await problemOf(answer));
  }
  return answer.json();
}

export async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title || `status ${answer.status}`;
  } catch {
    return `status ${answer.status}`;
  }
}

export function announce(text) {
  byId("announcer").textContent = text;
}

export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

export const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// ---- ages, which go on between two answers

/** The milliseconds of an ISO-8601 duration such as PT1M2.5S. */
function millisOf(iso) {
  const [, hours = 0, minutes = 0, seconds = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(iso) || [];
  return ((+hours * 60 + +minutes) * 60 + +seconds) * 1000;
}

export function showAge(node, iso) {
  if (iso === null) {
    delete node.dataset.since;
    setText(node, "");
  } else {
    node.dataset.since = performance.now() - millisOf(iso);
  }
}

export function tick() {
  for (const node of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, performance.now() - node.dataset.since) / 1000;
    setText(node, seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} m ${Math.floor(seconds % 60)} s`);
  }
}
