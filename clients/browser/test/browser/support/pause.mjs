// Patience.
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until something holds, and fails if it does not in time. Answers what held. */
export async function until(condition, what, milliseconds = 15_000) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const held = await condition();
    if (held) return held;
    if (performance.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await pause(20);
  }
}
