// How a page uses the package, and what its types refuse.
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
  // @ts-expect-error A user's own claims can be anything.
  const name: string = user?.["username"];
  console.log(name);
} catch (error) {
  if (error instanceof SessionError && error.code === "too_many_requests") console.log(error.retryAfter, error.status);
}

const response: Response = await session.fetch(new URL("https://api.example/orders"), { method: "POST", body: "{}" });
console.log(response.ok);
await session.signOut();
session.close();

// @ts-expect-error How the refresh token travels is a decision.
createSession({ baseUrl: "/" });
// @ts-expect-error There are two ways.
createSession({ baseUrl: "/", mode: "local-storage" });
// @ts-expect-error There is no such option.
createSession({ baseUrl: "/", mode: "body", persist: true });
// @ts-expect-error A change is never to a state that is not known.
session.onChange(({ state }) => state === "unknown");
// @ts-expect-error Only the session says who is signed in.
session.user = null;
// @ts-expect-error A password is needed.
await session.signIn({ username: "ada" });
// @ts-expect-error Errors are made here.
new SessionError("code", "message");
