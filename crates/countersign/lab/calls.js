// The list of API calls: each with its request, its response and the same request as a curl command.
import { timeOfDay } from "./claims.js";
import { copyButton, element } from "./dom.js";

const AT_FIRST = 12;

export function mountCalls(section, server) {
  const list = element("ol", { class: "calls", reversed: true });
  const none = element("p", { class: "muted", text: "No calls yet. Open a session above." });
  const more = element("button", { type: "button", class: "button", text: "Show older calls" });
  let most = AT_FIRST;
  const trim = () => {
    none.hidden = list.children.length > 0;
    more.hidden = server.calls.length <= list.children.length;
    while (list.children.length > most) list.lastElementChild.remove();
  };
  const older = () => {
    const first = list.children.length;
    most = Infinity;
    list.append(
      ...server.calls
        .slice(0, -first || undefined)
        .reverse()
        .map(row),
    );
    list.children[first].querySelector("summary").focus();
    trim();
  };
  more.addEventListener("click", older);
  server.addEventListener("call", ({ detail }) => {
    list.prepend(row(detail));
    trim();
  });
  list.append(...server.calls.slice(-most).reverse().map(row));
  section.append(none, list, more);
  trim();
}

/** Users open few of the calls, so a call's contents are created when its row is opened. */
function row(call) {
  const details = element("details", null, summary(call));
  details.addEventListener("toggle", () => details.append(...contents(call)), { once: true });
  return element("li", null, details);
}

const summary = ({ sentAt, actor, method, path, status, took }) =>
  element(
    "summary",
    null,
    element("code", { class: "call-line" }, element("b", { text: method }), ` ${path}`),
    element(
      "span",
      { class: "call-facts" },
      actor === "you" ? null : element("span", { class: "badge plain", text: actor }),
      element("span", { class: `badge ${tone(status)}`, text: status === 0 ? "no response" : String(status) }),
      element("span", { class: "muted", text: `${took < 10 ? took.toFixed(1) : Math.round(took)} ms` }),
      element("span", { class: "muted", text: timeOfDay(sentAt.getTime()) }),
    ),
  );

const tone = (status) => (status >= 200 && status < 300 ? "good" : status >= 400 || status === 0 ? "bad" : "plain");

function contents(call) {
  return [
    element("div", { class: "call-sides" }, side("Request", sent(call)), side("Response", received(call))),
    element(
      "div",
      { class: "call-curl" },
      element(
        "div",
        { class: "row" },
        element("h3", { text: "As a curl command" }),
        copyButton(() => call.curl, { what: "the curl command" }),
      ),
      element("pre", { text: call.curl }),
    ),
  ];
}

const side = (title, text) => element("div", null, element("h3", { text: title }), element("pre", { text }));

const sent = ({ method, path, requestHeaders, requestBody }) =>
  message(`${method} ${path}`, requestHeaders, requestBody ?? "");

const received = ({ status, headers, json, text }) =>
  status === 0
    ? "The server did not respond."
    : message(String(status), headers, json === null ? text : JSON.stringify(json, null, 2));

const message = (first, headers, body) =>
  [first, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), ...(body ? ["", body] : [])].join(
    "\n",
  );
