// Waiting for time to pass and for conditions.
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until the condition returns a true value, and returns it. Throws after the timeout. */
export async function until(condition, what, milliseconds = 15_000) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const held = await condition();
    if (held) return held;
    if (performance.now() > deadline) throw new Error(`timeout after ${milliseconds} ms: ${what}`);
    await pause(20);
  }
}
