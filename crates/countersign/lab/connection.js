// The connection state: the server's version and address, or a notice that the server does not respond.
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
        : element("span", { class: "badge warn", text: "no response" }),
      element("span", {
        class: "muted",
        text: isFollowing ? ` version ${server.setup.version} at ${host}` : " The page retries automatically.",
      }),
    );
    // A restarted server has new secrets, such as the introspection password.
    if (isFollowing && before === false) server.connect().catch(() => {});
    if (before !== undefined)
      announce(isFollowing ? "The server is connected again." : "The server does not respond. The page retries automatically.");
    before = isFollowing;
  };
  lab.addEventListener("connection", show);
}
