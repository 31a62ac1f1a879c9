// Asks for JSON again and again, and knows how old the last answer is.

const INTERVAL = 500;
const TIMEOUT = 5000;

/** The age from which on an answer does not tell the present any more. */
const STALE = 2000;

const clock = millis => new Date(Date.now() - millis).toLocaleTimeString("en-GB");

export class Poller {
  #asking = null;
  #timer = null;
  #resumed = performance.now();
  #answered = null;

  /** When the last answer was asked for: what it says is at most as old. */
  asked = null;
  problem = "";

  /** @param urlOf returns the URL to ask, or null to pause; @param show is given each answer and when it was asked for */
  constructor(urlOf, show) {
    this.urlOf = urlOf;
    this.show = show;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) {
        this.restart();
      }
    });
  }

  /** Asks at once, for instance because the URL has changed. Drops an answer that has not arrived. */
  restart() {
    this.#resumed = performance.now();
    this.stop();
    this.#ask();
  }

  /** Asks no more until the next restart. Drops an answer that has not arrived. */
  stop() {
    this.#asking?.abort();
    this.#asking = null;
    clearTimeout(this.#timer);
  }

  async #ask() {
    const url = this.urlOf();
    if (url === null || document.hidden) {
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    const timeout = setTimeout(() => asking.abort(), TIMEOUT);
    const asked = performance.now();
    let answer;
    let problem = "";
    try {
      answer = await getJson(url, asking.signal);
    } catch (failure) {
      problem = failure.name === "AbortError" ? `no answer within ${TIMEOUT / 1000} s`
        : failure instanceof TypeError ? "no connection" : failure.message;
    }
    clearTimeout(timeout);
    if (this.#asking !== asking) {
      return;
    }
    this.#timer = setTimeout(() => this.#ask(), INTERVAL);
    this.problem = problem;
    if (problem === "") {
      this.asked = asked;
      this.#answered = performance.now();
      this.show(answer, asked);
    }
  }

  /** Whether the last answer is too old to tell the present. */
  get stale() {
    return this.asked === null || performance.now() - this.asked > STALE;
  }

  /** What there is to say about the last answer, as a state and a text. */
  get status() {
    const now = performance.now();
    if (!this.stale) {
      return ["live", "live"];
    }
    if (now - this.#resumed < STALE && this.problem === "") {
      return ["waiting", "connecting"];
    }
    const why = this.problem === "" ? "" : `: ${this.problem}`;
    if (this.asked === null) {
      return ["silent", `no answer yet${why}`];
    }
    const since = clock(now - this.asked);
    return now - this.#answered <= STALE
      ? ["silent", `slow: this was the state at ${since}`]
      : ["silent", `silent since ${since}${why}`];
  }
}

async function getJson(url, signal) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store", signal });
  if (answer.status === 404 || answer.status === 204) {
    return null;
  }
  if (!answer.ok) {
    throw new Error(`status ${answer.status}`);
  }
  if (!answer.headers.get("Content-Type")?.includes("json")) {
    throw new Error("the answer is not JSON; signed out?");
  }
  return answer.json();
}
