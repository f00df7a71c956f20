// Browser storage, which keeps one value across page loads if the browser allows it.
import { parseJson } from "./json.js";

/**
 * One named value in a storage. All access to storage goes through this class. Its methods never throw: they treat a
 * storage that is missing, denied, full or broken as empty, and warn.
 */
export class Store {
  #open;
  #name;
  #warn;

  /**
   * `open` returns the storage. It is called inside `try` at each use, because a browser that blocks site data throws
   * when a page reads `localStorage`. Without `open` nothing is stored.
   */
  constructor(open, name, warn) {
    this.#open = open;
    this.#name = name;
    this.#warn = warn;
  }

  read() {
    return this.#use((storage, name) => {
      const value = storage.getItem(name);
      if (value !== null && typeof value !== "string") throw new Error("getItem returned a value that is not a string");
      return value;
    });
  }

  /**
   * Stores the value, or removes it if it is `null`. Returns whether that worked. If the value cannot be stored, the
   * previous value is removed: the server treats a stale refresh token as stolen, and a stale mark signs the user out.
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
      // A value other than `before` was written by another tab in between, so this write worked.
      const after = storage.getItem(name);
      if (after !== value && after === before) throw new Error("a written value was not stored");
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

/** The refresh token in storage, which only body mode uses. Several tabs may share the storage. */
export class SavedToken {
  #store;
  /** False after a write has failed: storage then lacks the current token. */
  #isSaved = true;

  constructor(store) {
    this.#store = store;
  }

  /** Returns the token in storage, or null if storage is empty or holds anything else. */
  read() {
    const { session, serial, refresh } = Object(parseJson(this.#store.read()));
    const isToken = [session, refresh].every((text) => text && typeof text === "string") && Number.isSafeInteger(serial);
    return isToken ? { session, serial, refresh, lifetime: 0, due: 0, at: -Infinity, wall: 0 } : null;
  }

  /** Returns the token in storage if another tab has refreshed the session since `mine`, otherwise null. */
  newerThan(mine) {
    const stored = mine && this.read();
    return stored && stored.session === mine.session && stored.serial > mine.serial ? stored : null;
  }

  save(token) {
    const { session, serial, refresh } = token;
    const newer = this.newerThan(token);
    this.#isSaved = Boolean(newer) || this.#store.write(JSON.stringify({ session, serial, refresh }));
  }

  /** Saves the token if the last attempt failed. */
  saveAgain(token) {
    if (!this.#isSaved) this.save(token);
  }

  remove(session) {
    // The storage may hold the session of another tab. That one is kept, unless a write has failed.
    const stored = this.read();
    if (!this.#isSaved || !stored || stored.session === session) this.#store.write(null);
  }
}
