// Hold what a browser got by the web SDK against what that SDK declares: `node check.mjs appwrite < answers.json`.
import { text } from "node:stream/consumers";
import { folderOf, readDeclarations } from "./declarations.mjs";
import { complaintsAbout } from "./shapes.mjs";

const declarations = readDeclarations(folderOf(process.argv[2]));
const answers = JSON.parse(await text(process.stdin));
const services = Object.fromEntries(
  ["Account", "Messaging", "Storage"].map((name) => [name.toLowerCase(), declarations.readService(name)]),
);

const complaints = answers.flatMap(({ service, method, answer }) =>
  complaintsAbout(declarations.checker, answer, services[service].get(method).result, `${service}.${method}`),
);
const methods = Object.entries(services).flatMap(([name, found]) =>
  [...found.keys()].map((method) => `${name}.${method}`),
);
console.log(JSON.stringify({ version: declarations.version, complaints, methods }));
