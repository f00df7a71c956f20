// Says what a signature proves. The key decides on the algorithm; a token's header is only compared with it (RFC 8725
// §3.1), and a key that comes inside a token is not looked at.
import { algorithm, plainName } from "./algorithms.js";

/** Without a `kid` each key that could fit is tried; more than these would be work for nothing. */
const MOST_TRIED = 10;

/**
 * `decoded` is what `decode` returned, `keys` a list as in `readKeys(…).keys`. Answers `{ outcome, key, why }`; `key` is
 * the one that was used or that the token names, else null; `why` is for people.
 *
 * - verified: by `key`
 * - wrong: the signature, or the algorithm in the header, does not fit `key`
 * - no-key: nothing to verify with
 * - unsupported: this browser, or this page, cannot verify such a signature
 * - unsigned: there is no signature
 */
export async function verify(decoded, keys) {
  const { header, signature } = decoded;
  if (!header) return result("unsupported", null, "The header cannot be read, so there is nothing to verify.");
  if (isNone(header.alg)) return result("unsigned", null, 'The header says "alg": "none": nobody has signed this token, and anybody can have written it.');
  if (!signature) return result("wrong", null, "The signature cannot be read.");
  if (signature.length === 0) return result("unsigned", null, "The signature is empty: anybody can have written this token.");
  if (!globalThis.crypto?.subtle) return result("unsupported", null, "The browser lets pages verify signatures only when they come from https:// or from localhost.");
  const { candidates, why } = candidatesFor(header, keys);
  let last = result("no-key", null, why);
  for (const key of candidates) {
    last = await verifyWith(key, decoded);
    if (last.outcome === "verified") break;
  }
  return last;
}

const result = (outcome, key, why) => ({ outcome, key, why });

/** However it is spelt, as the forgers spell it. */
export const isNone = (alg) => typeof alg === "string" && alg.toLowerCase() === "none";

/** A key without a name, as in a PEM file, fits every token's `kid`: who pastes it means it. */
function candidatesFor({ kid }, keys) {
  if (keys.length === 0) return { candidates: [], why: "There is no key to verify with." };
  if (kid === undefined) return { candidates: keys.slice(0, MOST_TRIED) };
  const named = keys.filter((key) => key.kid === kid);
  const candidates = named.length > 0 ? named : keys.filter((key) => key.kid === undefined).slice(0, MOST_TRIED);
  return { candidates, why: "None of the keys has the kid that the token names." };
}

async function verifyWith(key, { header, signature, signed }) {
  const name = key.algs.find((alg) => alg === plainName(header.alg));
  if (!name) return result("wrong", key, `The key is for ${key.algs.join(" or ")}, but the token's header names another algorithm. The key decides, so the token is refused.`);
  const { importAs, useAs, bytes } = algorithm(name);
  if (bytes !== undefined && signature.length !== bytes) return result("wrong", key, `A signature with ${name} has ${bytes} bytes; this one has ${signature.length}.`);
  let imported;
  try {
    imported = await crypto.subtle.importKey("jwk", key.jwk, importAs, false, ["verify"]);
  } catch (error) {
    return whyNotImported(error, name, key);
  }
  const fits = await crypto.subtle.verify(useAs, imported, signature, new TextEncoder().encode(signed));
  return fits ? result("verified", key, `The holder of the private key signed exactly this text, with ${name}.`) : result("wrong", key, "The signature does not fit this text and this key: a letter was changed, or another key signed it.");
}

function whyNotImported(error, name, key) {
  if (error.name === "NotSupportedError") return result("unsupported", key, `This browser cannot verify ${name}.`);
  return result("wrong", key, "The key is damaged: its numbers are no public key.");
}
