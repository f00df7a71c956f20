// Runs the scenario with `import`.
import { claimsOf, createGuard } from "countersign";
import { scenario } from "./scenario.cjs";

console.log(JSON.stringify(await scenario({ claimsOf, createGuard }, JSON.parse(process.env.SCENARIO))));
