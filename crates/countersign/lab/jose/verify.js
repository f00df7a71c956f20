// Says what a signature proves. The key decides on the algorithm; a token's header is only compared with it (RFC 8725
// §3.1), and a key that comes inside a token is not looked at.
import { algorithm, plainName } from "./algorithms.js";

/** Without a `kid` each key that could fit is tried; more than these would be work for nothing. */
const MOST_TRIED = 10;

/**
 * `decoded` is what `decode` returned, `keys` a list as in `readKeys(…).keys`. Answers `{ outcome, key, why }`; `key` is
 * the one that was used, else null; `why` is for people.
 *
 * - verified: by `key`
 * - wrong: the signature, or the algorithm in the header, does not fit `key`
 * - no-key: nothing to verify with
 * - unsupported: this browser, or this page, cannot verify such a signature
 * - unsigned: there is no signature
 */
export async function verify({ header, signature, signed }, keys) {
  if (!header) return result("unsupported", null, "The header cannot be read, so there is nothing to verify.");
  if (isNone(header.alg)) return result("unsigned", null, NONE);
  if (!signature) return result("wrong", null, "The signature cannot be read.");
  if (signature.length === 0) return result("unsigned", null, "The signature is empty: anybody can have written this.");
  if (!globalThis.crypto?.subtle) return result("unsupported", null, INSECURE);
  let last = result("no-key", null, keys.length === 0 ? "There is no key to verify with." : UNKNOWN);
  for (const key of candidatesFor(header, keys)) {
    last = await verifyWith(key, { header, signature, signed });
    if (last.outcome === "verified") break;
  }
  return last;
}

/** However it is spelt, as the forgers spell it. */
export const isNone = (alg) => typeof alg === "string" && alg.toLowerCase() === "none";

const result = (outcome, key, why) => ({ outcome, key, why });

/** A key without a name, as in a PEM file, goes with every `kid`: who pastes it means it. */
function candidatesFor({ kid }, keys) {
  const named = keys.filter((key) => key.kid === kid);
  const unnamed = keys.filter((key) => key.kid === undefined);
  if (kid === undefined) return keys.slice(0, MOST_TRIED);
  return (named.length > 0 ? named : unnamed).slice(0, MOST_TRIED);
}

async function verifyWith(key, { header, signature, signed }) {
  const name = key.algs.find((alg) => alg === plainName(header.alg));
  if (!name) return result("wrong", key, `The key is for ${key.algs.join(" or ")}; the header names another algorithm.`);
  const { importAs, useAs, bytes } = algorithm(name);
  if (bytes !== undefined && signature.length !== bytes) {
    return result("wrong", key, `A signature with ${name} has ${bytes} bytes; this one has ${signature.length}.`);
  }
  let imported;
  try {
    imported = await crypto.subtle.importKey("jwk", key.jwk, importAs, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return result("unsupported", key, `This browser cannot verify ${name}.`);
    return result("wrong", key, "The key is damaged: its numbers are no public key.");
  }
  const fits = await crypto.subtle.verify(useAs, imported, signature, new TextEncoder().encode(signed));
  return fits ? result("verified", key, holds(key, name)) : result("wrong", key, OTHER);
}

function holds({ kty }, name) {
  const who = kty === "oct" ? "Somebody who knows the secret" : "The holder of the private key";
  return `${who} signed exactly these letters, with ${name}.`;
}

const NONE = "The header says \"alg\": \"none\". Nobody has signed this: anybody can have written it.";
const INSECURE = "Browsers let a page verify signatures only when it comes from https:// or from localhost.";
const UNKNOWN = "None of the keys has the name (kid) that the token gives.";
const OTHER = "The signature does not fit: something in the token was changed, or another key signed it.";
