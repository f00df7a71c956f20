// The experiments, in the order of the page. Each is a description: words, steps, and how its outcome follows from what
// the steps found out.
import { algNone } from "./alg-none.js";
import { editedToken } from "./edited-token.js";
import { keyRotation } from "./key-rotation.js";
import { lostAnswer } from "./lost-answer.js";
import { otherIssuer } from "./other-issuer.js";
import { publicKeyAsSecret } from "./public-key-as-secret.js";
import { restart } from "./restart.js";
import { signedOut } from "./signed-out.js";
import { thiefFirst } from "./thief-first.js";
import { thiefSecond } from "./thief-second.js";
import { twoDesigns } from "./two-designs.js";
import { twoTabs } from "./two-tabs.js";

export const experiments = [
  twoTabs,
  lostAnswer,
  thiefSecond,
  thiefFirst,
  editedToken,
  algNone,
  publicKeyAsSecret,
  otherIssuer,
  restart,
  keyRotation,
  signedOut,
  twoDesigns,
];
