// Whether the server is there: its version and address, or that it does not answer at the moment.
import { announce, element } from "./dom.js";

export function mountConnection(node, lab) {
  let before;
  const show = () => {
    const { isFollowing, server } = lab;
    if (isFollowing === before) return;
    const { host } = new URL(server.setup.issuer);
    node.replaceChildren(
      isFollowing
        ? element("span", { class: "badge good", text: "connected" })
        : element("span", { class: "badge warn", text: "no answer" }),
      element("span", {
        class: "muted",
        text: isFollowing ? ` version ${server.setup.version} at ${host}` : " The page tries again by itself.",
      }),
    );
    // A server that was started anew has new secrets.
    if (isFollowing && before === false) server.connect().catch(() => {});
    if (before !== undefined)
      announce(isFollowing ? "The server is back." : "The server does not answer. The page tries again by itself.");
    before = isFollowing;
  };
  lab.addEventListener("connection", show);
}
