// Installs the dependencies of the recipes into directories that git ignores: `node examples/install.mjs [RECIPE]`.
import { install, recipes } from "./harness/recipes.mjs";

for (const recipe of recipes(process.argv[2])) {
  const since = Date.now();
  const worked = await install(recipe);
  const seconds = ((Date.now() - since) / 1000).toFixed(1);
  console.log(`${recipe.name}: ${worked ? `installed in ${seconds} s` : "is up to date"}`);
}
