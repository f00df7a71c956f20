import library from "./index.js";

export const { claimsOf, createGuard, requireToken, Refusal } = library;
