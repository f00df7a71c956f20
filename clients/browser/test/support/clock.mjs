// A clock that moves only when a test advances it.
const TURNS = 8;

/** Runs everything that is ready to run without a timer. */
export async function settle() {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class Clock {
  /** The monotonic clock in milliseconds, which stops while the machine sleeps. */
  now = 1_000;
  /** The difference between the system clock, which can be set, and `now`. */
  offset = 1_700_000_000_000;
  #timers = new Map();
  #made = 0;

  get wall() {
    return this.now + this.offset;
  }

  setTimeout = (run, wait = 0) => {
    this.#made += 1;
    this.#timers.set(this.#made, { at: this.now + Math.max(wait, 0), run, id: this.#made });
    return this.#made;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  async advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      await settle();
      const next = [...this.#timers.values()].sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!next || next.at > end) break;
      this.#timers.delete(next.id);
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Simulates sleep of the machine, in which only the system clock runs. */
  sleep(milliseconds) {
    this.offset += milliseconds;
  }
}
