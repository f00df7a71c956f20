// Installs what the recipes need, into directories that git ignores: `node examples/install.mjs [RECIPE]`.
import { install, recipes } from "./harness/recipes.mjs";

for (const recipe of recipes(process.argv[2])) {
  const since = Date.now();
  const worked = await install(recipe);
  console.log(worked ? `${recipe.name}: installed in ${((Date.now() - since) / 1000).toFixed(1)} s` : `${recipe.name}: is up to date`);
}
