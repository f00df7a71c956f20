// An example page, and code that the types must reject.
import { SessionError, createSession } from "countersign-browser";
import type { EndReason, Session, SessionChange, User } from "countersign-browser";

const session: Session = createSession({ baseUrl: "/", mode: "cookie", allow: ["https://api.example"] });
createSession({ baseUrl: "https://id.app.example", mode: "cookie", allow: [location.origin] });
createSession({ baseUrl: "https://id.example", mode: "body", storage: sessionStorage });
createSession({ baseUrl: "https://id.example", mode: "body", storage: () => sessionStorage });

await session.ready;
const stop = session.onChange(({ state, reason, user }: SessionChange) => {
  const why: EndReason = reason;
  if (state === "signed-out") console.log(why);
  console.log(user?.sub);
});
stop();

try {
  const user: User | null = await session.signIn({ username: "ada", password: "secret", scope: "countersign:admin" });
  // @ts-expect-error Claims other than the declared ones have the type unknown.
  const name: string = user?.["username"];
  console.log(name);
} catch (error) {
  if (error instanceof SessionError && error.code === "too_many_requests") console.log(error.retryAfter, error.status);
}

const response: Response = await session.fetch(new URL("https://api.example/orders"), { method: "POST", body: "{}" });
console.log(response.ok);
await session.signOut();
session.close();

// @ts-expect-error `mode` is required.
createSession({ baseUrl: "/" });
// @ts-expect-error `mode` is "cookie" or "body".
createSession({ baseUrl: "/", mode: "local-storage" });
// @ts-expect-error `persist` is not an option.
createSession({ baseUrl: "/", mode: "body", persist: true });
// @ts-expect-error A change never leads to "unknown".
session.onChange(({ state }) => state === "unknown");
// @ts-expect-error `user` is read-only.
session.user = null;
// @ts-expect-error `password` is required.
await session.signIn({ username: "ada" });
// @ts-expect-error The constructor is private.
new SessionError("code", "message");
