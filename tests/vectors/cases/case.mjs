// One vector: its name, the token, the result that every verifier must return, and the reason for it.

export const accept = (name, token, reason) => ({ name, token, accept: true, reason });
export const refuse = (name, token, reason) => ({ name, token, accept: false, reason });
