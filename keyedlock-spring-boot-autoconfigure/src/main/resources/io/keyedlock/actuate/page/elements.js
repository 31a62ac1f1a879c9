// Whatever comes from the application is set as text, never as markup: a key may contain anything.

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

export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

export const count = number => number.toLocaleString("en");
export const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LONGEST = 500;

/** The text of a key with its control characters, and those that turn text around, made visible. */
export function visible(text) {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
  return cut === "" ? "(empty)" : cut.replace(INVISIBLE, c => `\\u{${c.codePointAt(0).toString(16)}}`);
}

// ---- durations

export function duration(millis) {
  const seconds = Math.max(0, millis) / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(1)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} m ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** The milliseconds of an ISO 8601 duration such as PT1M2.5S. */
export function millisOf(iso) {
  const [, hours = 0, minutes = 0, seconds = 0] = /^PT(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?$/.exec(iso) || [];
  return ((+hours * 60 + +minutes) * 60 + +seconds) * 1000;
}

/** Shows an age, which increases until the next answer; null shows none. */
export function showAge(node, millis, asked) {
  if (millis === null) {
    delete node.dataset.since;
    setText(node, "");
  } else {
    node.dataset.since = asked - millis;
    setText(node, duration(performance.now() - node.dataset.since));
  }
}

/** Advances the clocks, except those in a part of the page whose last answer is too old. */
export function tick(root) {
  const now = performance.now();
  for (const node of root.querySelectorAll("[data-since]")) {
    if (!node.closest(".stale")) {
      setText(node, duration(now - node.dataset.since));
    }
  }
}

// ---- lists

/** Rows that keep their elements, so that the focus stays, and their places while somebody points at them. */
export class Rows {
  static #RESTS = 2000;

  constructor(body, idOf, make) {
    this.body = body;
    this.idOf = idOf;
    this.make = make;
    this.rows = new Map();
    this.touched = -Infinity;
    for (const event of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      body.addEventListener(event, () => { this.touched = performance.now(); }, { passive: true });
    }
  }

  /** Shows items in this order. A row whose item has gone shows null while it has to stay. */
  show(items, asked) {
    const keepsPlaces = performance.now() - this.touched < Rows.#RESTS;
    const wanted = new Map(items.map(item => [this.idOf(item), item]));
    for (const [id, row] of this.rows) {
      if (!wanted.has(id)) {
        if (keepsPlaces || row.node.contains(document.activeElement)) {
          row.show(null, asked);
        } else {
          row.node.remove();
          this.rows.delete(id);
        }
      }
    }
    let place = this.body.firstElementChild;
    for (const [id, item] of wanted) {
      let row = this.rows.get(id);
      if (!row) {
        row = this.make(item);
        this.rows.set(id, row);
        this.body.insertBefore(row.node, keepsPlaces ? null : place);
      } else if (row.node === place) {
        place = place.nextElementSibling;
      } else if (!keepsPlaces && !row.node.contains(document.activeElement)) {
        this.body.insertBefore(row.node, place);
      }
      row.show(item, asked);
    }
  }
}
