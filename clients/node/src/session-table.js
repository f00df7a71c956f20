"use strict";
// A hash table of session ids with the time at which each entry expires. An entry takes 20 bytes, so a million take 42 MB; a
// `Map` of strings takes several times as much. Open addressing in one typed array that is at most half full.

const { words } = require("./session-id.js");

/** Numbers in a slot: four for the id, and one for `exp` in seconds. An `exp` of 0 marks an empty slot. */
const SLOT = 5;
const FEWEST_SLOTS = 64;
const LATEST = 0xffff_ffff;

class SessionTable {
  #limit;
  #slots = new Uint32Array(FEWEST_SLOTS * SLOT);
  #size = 0;
  #earliest = LATEST;

  constructor(limit) {
    this.#limit = limit;
  }

  get size() {
    return this.#size;
  }

  /** The memory that the table takes. */
  get bytes() {
    return this.#slots.byteLength;
  }

  has(sid) {
    const id = words(sid);
    return this.#slots[this.#find(id) + SLOT - 1] !== 0;
  }

  /** Adds an entry and returns whether there was room. An id that is already present keeps the later `exp`. */
  add(sid, exp, now) {
    const id = words(sid);
    const isNew = this.#slots[this.#find(id) + SLOT - 1] === 0;
    if (isNew && !this.#makeRoom(now)) return false;
    this.#put(id, Math.min(exp, LATEST));
    return true;
  }

  /** Removes the entries that expire at `now` or before. */
  sweep(now) {
    if (this.#earliest <= now) this.#rebuild(now);
  }

  #makeRoom(now) {
    if (this.#size >= this.#limit) this.sweep(now);
    if (this.#size >= this.#limit) return false;
    if (2 * (this.#size + 1) * SLOT > this.#slots.length) this.#rebuild(now);
    return true;
  }

  #put(id, exp) {
    const at = this.#find(id);
    const known = this.#slots[at + SLOT - 1];
    if (known === 0) this.#size += 1;
    this.#slots.set(id, at);
    this.#slots[at + SLOT - 1] = Math.max(known, exp);
    this.#earliest = Math.min(this.#earliest, exp);
  }

  /** The index of an id, or of the empty slot for it. */
  #find([a, b, c, d]) {
    const slots = this.#slots;
    const last = slots.length / SLOT - 1;
    // The last 62 bits of a UUID of version 7 are random.
    let slot = (Math.imul(c, 0x9e37_79b1) ^ d) & last;
    for (;;) {
      const at = slot * SLOT;
      const isMatch = slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d;
      if (isMatch || slots[at + SLOT - 1] === 0) return at;
      slot = (slot + 1) & last;
    }
  }

  /** Moves the entries that have not expired into a new table that is at most half full. */
  #rebuild(now) {
    const old = this.#slots;
    let count = 0;
    for (let at = SLOT - 1; at < old.length; at += SLOT) if (old[at] > now) count += 1;
    let slots = FEWEST_SLOTS;
    while (slots < 2 * (count + 1)) slots *= 2;
    this.#slots = new Uint32Array(slots * SLOT);
    this.#size = 0;
    this.#earliest = LATEST;
    for (let at = 0; at < old.length; at += SLOT) {
      const exp = old[at + SLOT - 1];
      if (exp > now) this.#put([old[at], old[at + 1], old[at + 2], old[at + 3]], exp);
    }
  }
}

module.exports = { SessionTable };
