// Coordination between the tabs of one origin: messages over a BroadcastChannel, and a Web Lock.

/** A browser says at once whether a lock is free. The longest work under a lock is a sign-in, which takes 30 seconds. */
const LOCK_ANSWER = 3_000;
const LOCK_WAIT = 35_000;

export class Tabs {
  #name;
  #warn;
  #channel;
  #wake;

  constructor(name, warn) {
    this.#name = name;
    this.#warn = warn;
    try {
      this.#channel = new BroadcastChannel(name);
    } catch (error) {
      warn("BroadcastChannel", error);
    }
  }

  /** `hear` is called with each message of another tab. */
  listen(hear) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => hear(data);
  }

  /** Returns whether other tabs can hear it. */
  post(message) {
    try {
      this.#channel?.postMessage(message);
      return Boolean(this.#channel);
    } catch (error) {
      this.#warn("BroadcastChannel", error);
      return false;
    }
  }

  /** Waits a moment for what other tabs know. */
  ask() {
    return this.post({ type: "ask" }) && new Promise((resolve) => setTimeout((this.#wake = resolve), 100));
  }

  /** Ends the wait of `ask`. */
  wake() {
    this.#wake?.();
  }

  /** Runs `work` in one tab at a time. `work` is told whether another tab had the lock. */
  alone(suffix, work) {
    return underLock(this.#name + suffix, work, this.#warn);
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}

/**
 * Runs `work` once, under a Web Lock. If the browser gives no lock, `work` runs without one: two tabs that present the
 * same token within the server's grace get the same successor.
 */
function underLock(name, work, warn) {
  return new Promise((resolve, reject) => {
    let isStarted = false;
    let timer;
    // A lock that comes too late is released at once.
    const start = async (hasWaited) => {
      if (isStarted) return;
      isStarted = true;
      clearTimeout(timer);
      await work(hasWaited).then(resolve, reject);
    };
    const startWithout = (error, hasWaited) => {
      if (!isStarted) warn("navigator.locks", error);
      start(hasWaited);
    };
    const limit = (wait) => {
      clearTimeout(timer);
      const stop = () => startWithout(`no lock within ${wait} ms`, true);
      // In two halves: after a pause of the whole page, a lock that was granted meanwhile comes first.
      timer = setTimeout(() => (timer = setTimeout(stop, wait / 2)), wait / 2);
    };
    const attempt = async (request) => {
      try {
        await request();
      } catch (error) {
        startWithout(error, false);
      }
    };
    const requestIfFree = () =>
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock) return start(false);
        if (isStarted) return undefined;
        limit(LOCK_WAIT);
        // Not returned: the first request is done.
        attempt(() => navigator.locks.request(name, () => start(true)));
        return undefined;
      });
    limit(LOCK_ANSWER);
    attempt(requestIfFree);
  });
}
