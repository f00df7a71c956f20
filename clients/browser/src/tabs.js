// Coordination between the tabs of one origin: messages over a BroadcastChannel, and Web Locks.

/** Milliseconds. A browser normally reports at once whether a lock is free. */
const LOCK_CHECK = 3_000;
/** Milliseconds. The longest task under a lock is a sign-in, which takes at most 30 seconds. */
const LOCK_WAIT = 35_000;
/** Milliseconds. How long a tab waits for the tokens of other tabs. */
const REPLY_WAIT = 100;

export class Tabs {
  #name;
  #warn;
  #channel;
  #stopWaiting;

  constructor(name, warn) {
    this.#name = name;
    this.#warn = warn;
    try {
      this.#channel = new BroadcastChannel(name);
    } catch (error) {
      warn("BroadcastChannel", error);
    }
  }

  /** Calls `receive` with each message from another tab. */
  listen(receive) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => receive(data);
  }

  /** Returns whether the message was sent. */
  post(message) {
    try {
      this.#channel?.postMessage(message);
      return Boolean(this.#channel);
    } catch (error) {
      this.#warn("BroadcastChannel", error);
      return false;
    }
  }

  /** Asks other tabs for their tokens, and waits for them until `stopWaiting` is called or the time is up. */
  async askForTokens() {
    if (!this.post({ type: "ask" })) return;
    await new Promise((resolve) => setTimeout((this.#stopWaiting = resolve), REPLY_WAIT));
  }

  stopWaiting() {
    this.#stopWaiting?.();
  }

  /** Runs `work` in one tab at a time. */
  withLock(suffix, work) {
    return runWithLock(this.#name + suffix, work, this.#warn);
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}

/**
 * Runs `work` once, under a Web Lock, or without a lock if the browser does not grant one. Running without a lock is
 * safe: if two tabs present the same refresh token within the grace period, the server returns the same successor.
 */
function runWithLock(name, work, warn) {
  return new Promise((resolve, reject) => {
    let isStarted = false;
    let timer;
    // If `work` has already started without the lock, a lock that is granted later is released at once.
    const start = async () => {
      if (isStarted) return;
      isStarted = true;
      clearTimeout(timer);
      await work().then(resolve, reject);
    };
    const startWithout = (error) => {
      if (!isStarted) warn("navigator.locks", error);
      start();
    };
    const limit = (wait) => {
      clearTimeout(timer);
      const stop = () => startWithout(`no lock within ${wait} ms`);
      // Two timers: if the browser paused the page, a lock granted during the pause is handled before the second timer.
      timer = setTimeout(() => (timer = setTimeout(stop, wait / 2)), wait / 2);
    };
    const attempt = async (request) => {
      try {
        await request();
      } catch (error) {
        startWithout(error);
      }
    };
    const requestIfFree = () =>
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock) return start();
        if (isStarted) return undefined;
        limit(LOCK_WAIT);
        // The promise is not returned, because that would keep the first request open.
        attempt(() => navigator.locks.request(name, start));
        return undefined;
      });
    limit(LOCK_CHECK);
    attempt(requestIfFree);
  });
}
