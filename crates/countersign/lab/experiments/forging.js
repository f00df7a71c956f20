// What the experiments with forged access tokens share: a real token to start from, and a verdict on all that was tried.
import { decode } from "../jose/jwt.js";

/** One hour more, and a better name: what a forger would like to be true. */
export function dreamOf(claims) {
  return { ...claims, username: "admin", sub: "2", exp: claims.exp + 3_600 };
}

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
export async function present(run, facts, note, token) {
  facts.tries.push(await run.isLetIn("forger", token, { note }));
}

/** One success is one too many; and that forgeries are refused says little when the real token is refused too. */
export const verdict = {
  promised: () => "refused",
  happened({ isRealLetIn, tries }) {
    if (tries.includes(true)) return "accepted";
    return isRealLetIn ? "refused" : null;
  },
};
