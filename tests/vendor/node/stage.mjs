// What a story has: where the emulators are and with which settings they are spoken to, and an ear for receipts.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

const PATIENCE = 10_000; // milliseconds that receipts are waited for
export const REFUSED = "plays-wrong-password"; // who signs in under this name is refused: the dial is turned so

export class Stage {
  constructor({ spots, proxy_port }) {
    this.spots = spots;
    this.proxyPort = proxy_port;
    this.proxy = `http://127.0.0.1:${proxy_port}`;
    this.shown = {};
    this.heard = [];
  }

  // The settings that the emulator of this kind hands out.
  values(kind) {
    return this.spots[kind].values;
  }

  // An address for receipts; listens from now on.
  async ear() {
    this.server ??= await new Promise((resolve) => {
      const server = createServer(async (request, answer) => {
        this.heard.push({ headers: request.headers, body: await text(request) });
        answer.writeHead(204).end();
      }).listen(0, "127.0.0.1", () => resolve(server));
    });
    return `http://127.0.0.1:${this.server.address().port}/receipts?of=vendor`;
  }

  // The receipts that came since the last time, once there are so many.
  async receipts(count) {
    for (const end = Date.now() + PATIENCE; this.heard.length < count; await pause(20)) {
      assert(Date.now() < end, `${this.heard.length} of ${count} receipts came`);
    }
    return this.heard.splice(0);
  }
}

// What the promise fails with; an error when it does not fail.
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "it was taken" });
}
