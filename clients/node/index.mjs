import library from "./index.js";

export const { createGuard, requireToken, Refusal } = library;
