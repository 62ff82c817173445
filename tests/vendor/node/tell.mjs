// Tell one story with one SDK: `node tell.mjs resend` with the stage as JSON on standard input. The last line printed
// is {"ends": {step: null or the error}, "shown": {…}}.
import https from "node:https";
import { text } from "node:stream/consumers";
import { createRequire } from "node:module";
import { ProxyAgent, setGlobalDispatcher } from "undici";
import { Stage } from "./stage.mjs";

const stage = new Stage(JSON.parse(await text(process.stdin)));
// What a program does on a network with a proxy: for everything that uses node:https, and for everything that fetches.
const HttpsProxyAgent = createRequire(import.meta.url)("https-proxy-agent");
https.globalAgent = stage.agent = new HttpsProxyAgent(stage.proxy);
setGlobalDispatcher(new ProxyAgent(stage.proxy));

const { steps } = await import(`./stories/${process.argv[2]}.mjs`);
const ends = {};
for (const [name, step] of Object.entries(steps)) {
  ends[name] = await Promise.resolve()
    .then(() => step(stage))
    .then(
      () => null,
      (error) => error?.stack ?? JSON.stringify(error),
    );
}
console.log(JSON.stringify({ ends, shown: stage.shown }));
process.exit(0); // some SDKs keep connections, and with them the process
