// Tell every story with one SDK against one installation: `node tell.mjs node-appwrite-27 '{"endpoint": …}'`.
import { readdirSync } from "node:fs";
import { folderOf, readDeclarations } from "./declarations.mjs";
import { Stage } from "./stage.mjs";

const [, , name, spots] = process.argv;
const declarations = readDeclarations(folderOf(name));
const stage = new Stage(await import(name), await import(`${name}/file`), declarations, JSON.parse(spots));

const ends = {};
for (const file of readdirSync(new URL("stories/", import.meta.url)).sort()) {
  const story = await import(new URL(`stories/${file}`, import.meta.url));
  ends[file] = await story.tell(stage).then(
    () => null,
    (error) => describe(error),
  );
}
const { version } = declarations;
console.log(JSON.stringify({ version, ends, uncalled: stage.uncalled(), absent: [...stage.absent] }));

function describe(error) {
  return [error.stack, error.response && `The service said: ${error.response}`].filter(Boolean).join("\n");
}
