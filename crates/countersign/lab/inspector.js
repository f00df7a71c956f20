// The inspector: takes any token apart, and keeps apart what it says and what its signature proves. What is pasted stays
// in this page: it is sent nowhere, kept nowhere, and gone after a reload. Most of it is loaded when it comes near.
import { element } from "./dom.js";

/** How far from what is seen it is loaded, so that it is there when it is seen. */
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
    section.append(element("p", { text: "The inspector could not be loaded. Reload the page when the server runs." }));
    return null;
  }
}

const INTRODUCTION =
  "Paste a token, of this server or of any other. It is read in this page and sent nowhere, and a reload forgets it. " +
  "Reading a token and verifying it are two things: anybody can do the first, and it proves nothing.";
