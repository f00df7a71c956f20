// Verifies signatures. The key determines the algorithm; the token's header is only compared with it (RFC 8725 §3.1). Keys
// inside a token are ignored.
import { algorithm, plainName } from "./algorithms.js";

/** The maximum number of keys that are tried for a token, because a token without `kid` could match any key. */
const MOST_TRIED = 10;

/**
 * The first parameter is the result of `decode`; `keys` is a list as in `readKeys(…).keys`. Returns `{ outcome, key, why }`:
 * `key` is the key that was used, or null; `why` is a sentence for users. Outcomes:
 *
 * - verified: the signature is valid for `key`
 * - wrong: the signature, or the algorithm in the header, does not match `key`
 * - no-key: no key for this token
 * - unsupported: the browser or this page cannot verify such a signature
 * - unsigned: there is no signature
 */
export async function verify({ header, signature, signed }, keys) {
  if (!header) return result("unsupported", null, "The header cannot be read, so there is nothing to verify.");
  if (isNone(header.alg)) return result("unsigned", null, NONE);
  if (!signature) return result("wrong", null, "The signature cannot be read.");
  if (signature.length === 0) return result("unsigned", null, "The signature is empty: anyone can have written this token.");
  if (!globalThis.crypto?.subtle) return result("unsupported", null, INSECURE);
  let last = result("no-key", null, keys.length === 0 ? "There is no key to verify with." : UNKNOWN);
  for (const key of candidatesFor(header, keys)) {
    last = await verifyWith(key, { header, signature, signed });
    if (last.outcome === "verified") break;
  }
  return last;
}

/** Ignores case, because forgers use spellings such as "nOnE" to bypass filters. */
export const isNone = (alg) => typeof alg === "string" && alg.toLowerCase() === "none";

const result = (outcome, key, why) => ({ outcome, key, why });

/** A key without a `kid`, such as a PEM key, matches every token, because the user pasted it on purpose. */
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
    return result("wrong", key, "The key is damaged: its numbers are not a valid public key.");
  }
  const fits = await crypto.subtle.verify(useAs, imported, signature, new TextEncoder().encode(signed));
  return fits ? result("verified", key, holds(key, name)) : result("wrong", key, OTHER);
}

function holds({ kty }, name) {
  const who = kty === "oct" ? "Someone who knows the secret" : "The holder of the private key";
  return `${who} signed exactly this token, with ${name}.`;
}

const NONE = "The header says \"alg\": \"none\". The token is not signed: anyone can have written it.";
const INSECURE = "Browsers let a page verify signatures only when it comes from https:// or from localhost.";
const UNKNOWN = "None of the keys has the key ID (kid) that the token names.";
const OTHER = "The signature is invalid: the token was changed, or another key signed it.";
