// Time that stands still until a test moves it.
const TURNS = 8;

/** Lets everything happen that needs no time. */
export async function settle() {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class Clock {
  /** Milliseconds on a clock that stands still while the machine sleeps. */
  now = 1_000;
  /** What has to be added for the wall clock, which can be set. */
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

  /** The machine sleeps: the wall clock goes on alone. */
  sleep(milliseconds) {
    this.offset += milliseconds;
  }
}
