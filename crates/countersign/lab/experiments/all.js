// The experiments, in the order of the page. Each is a description: words, steps, and how its outcome follows from what
// the steps found out.
import { algNone, editedToken, otherIssuer, publicKeyAsSecret } from "./forging.js";
import { lostAnswer, twoTabs } from "./grace.js";
import { keyRotation } from "./key-rotation.js";
import { restart } from "./restart.js";
import { signedOut } from "./signed-out.js";
import { thiefFirst, thiefSecond } from "./theft.js";
import { twoDesigns } from "./two-designs.js";

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
