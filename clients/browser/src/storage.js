// What survives a page load, if the browser lets it. Storage is best effort.
import { parseJson } from "./json.js";

/**
 * The only user of a storage, for one value. It never throws: a storage that is missing, denied, full or broken counts
 * as empty, and that is reported.
 */
export class Store {
  #open;
  #name;
  #warn;

  /**
   * `open` returns the storage. It is called for each use, because a browser may deny even that. Without it nothing is
   * kept.
   */
  constructor(open, name, warn) {
    this.#open = open;
    this.#name = name;
    this.#warn = warn;
  }

  read() {
    return this.#use((storage, name) => {
      const value = storage.getItem(name);
      if (value !== null && typeof value !== "string") throw new Error("it returns something else than text");
      return value;
    });
  }

  /**
   * Returns whether the value is kept; `null` removes. If it cannot be kept, the value before is removed too: the server
   * takes a stale token for a stolen one, and a stale mark signs the person out.
   */
  write(value) {
    if (!this.#open || this.#put(value)) return true;
    const isGone = (value !== null && this.#put(null)) || this.#put("");
    return isGone && value === null;
  }

  #put(value) {
    return this.#use((storage, name) => {
      const before = storage.getItem(name);
      if (value === null) storage.removeItem(name);
      else storage.setItem(name, value);
      // Anything but the value before is another tab's, written in between.
      const after = storage.getItem(name);
      if (after !== value && after === before) throw new Error("it does not keep what is written to it");
      return true;
    });
  }

  #use(work) {
    try {
      return this.#open && work(this.#open(), this.#name);
    } catch (error) {
      this.#warn("storage", error);
      return null;
    }
  }
}

/** The refresh token in storage, in body mode. Tabs may share the storage. */
export class SavedToken {
  #store;
  /** Whether storage holds the current token, as far as this tab knows. */
  #isSaved = true;

  constructor(store) {
    this.#store = store;
  }

  /** The token in storage, or null. Anything else in there counts as nothing. */
  read() {
    const { session, serial, refresh } = Object(parseJson(this.#store.read()));
    const isToken = [session, refresh].every((text) => text && typeof text === "string") && Number.isSafeInteger(serial);
    return isToken ? { session, serial, refresh, lifetime: 0, due: 0, at: -Infinity, wall: 0 } : null;
  }

  /** The token in storage, if another tab that shares the storage has refreshed since. */
  newerThan(mine) {
    const stored = mine && this.read();
    return stored && stored.session === mine.session && stored.serial > mine.serial ? stored : null;
  }

  save(token) {
    const { session, serial, refresh } = token;
    const isOld = this.newerThan(token);
    this.#isSaved = Boolean(isOld) || this.#store.write(JSON.stringify({ session, serial, refresh }));
  }

  /** Saves the token if that has failed before. */
  saveAgain(token) {
    if (!this.#isSaved) this.save(token);
  }

  remove(session) {
    // Another tab's session may be in the same storage. It stays there, unless storage has failed.
    const stored = this.read();
    if (!this.#isSaved || !stored || stored.session === session) this.#store.write(null);
  }
}
