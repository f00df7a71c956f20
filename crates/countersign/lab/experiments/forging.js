// What the experiments with forged access tokens share: a real token to start from, and a verdict on all that was tried.
import { decode } from "../jose/jwt.js";

/** What a forger would like to be true: a better name, and an hour more. */
export const dreamOf = (claims) => ({ ...claims, username: "admin", exp: claims.exp + 3_600 });

export const signInStep = {
  title: "Sign in, and present the real access token, to compare",
  async run(run, facts) {
    const { accessToken } = await run.open("owner");
    facts.real = decode(accessToken);
    facts.isRealLetIn = await run.isLetIn("owner", accessToken);
    facts.tries = [];
  },
};

/** Presents a forged token, and keeps whether it was let in. */
export async function present(run, { tries }, note, token) {
  tries.push(await run.isLetIn("forger", token, note));
}

/** One success is one too many. Refusals say little when the real token is refused too. */
export const verdict = {
  promised: () => "refused",
  happened({ isRealLetIn, tries }) {
    if (tries.includes(true)) return "accepted";
    return isRealLetIn ? "refused" : null;
  },
};
