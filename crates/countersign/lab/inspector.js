// The inspector decodes any token, and shows separately what the token says and what its signature proves. The page does
// not send or store pasted text, and a reload discards it. Most of the inspector's code loads when the user scrolls near it.
import { element } from "./dom.js";

/** The inspector loads when it is one screen below the visible part, so that it is ready when it becomes visible. */
const NEAR = { rootMargin: "100% 0px" };

export function mountInspector(section, lab) {
  section.append(element("p", { class: "intro", text: INTRODUCTION }));
  let bench = null;
  const load = () => (bench ??= loadBench(section, lab));
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    load();
  }, NEAR);
  observer.observe(section);
  section.addEventListener("inspect", async ({ detail }) => (await load())?.fill(detail));
}

async function loadBench(section, lab) {
  try {
    const { mountBench } = await import("./inspector/bench.js");
    return mountBench(section, lab);
  } catch (error) {
    console.error(error);
    section.append(element("p", { text: "The inspector could not be loaded. Check that the server runs, then reload the page." }));
    return null;
  }
}

const INTRODUCTION =
  "Paste a token of this server or of any other. The page decodes it locally, sends it nowhere, and discards it on reload. " +
  "Decoding a token is not verifying it: anyone can decode a token, and that proves nothing.";
