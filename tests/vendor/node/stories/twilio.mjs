// Twilio's helper library: REST client and validateRequest. It reads the proxy from the environment.
import assert from "node:assert/strict";
import twilio from "twilio";
import { failure, REFUSED } from "../stage.mjs";

const TOKEN = "the-token-of-a-node-account";
const from = "+15005550006";
const clientOf = (stage, token = TOKEN) => {
  process.env.HTTP_PROXY = stage.proxy;
  return twilio(stage.values("twilio").accountSid, token);
};

export const steps = {
  "A message, sent and read back": async (stage) => {
    const client = clientOf(stage);
    const sent = await client.messages.create({ to: "+491701234567", from, body: "Hello Ann" });
    assert.equal(sent.status, "queued");
    assert(sent.dateCreated instanceof Date && !Number.isNaN(sent.dateCreated.getTime()));
    assert.equal((await client.messages(sent.sid).fetch()).body, "Hello Ann");
  },
  "RestException 20003, 21211, 20429, 20500": async (stage) => {
    const found = [];
    const tries = [
      [REFUSED, "+491701234567"], [TOKEN, "+15005550001"], [TOKEN, "+15005550101"], [TOKEN, "+15005550102"],
    ];
    for (const [token, to] of tries) {
      const error = await failure(clientOf(stage, token).messages.create({ to, from, body: "No" }));
      assert(error instanceof twilio.RestException);
      found.push([error.status, error.code]);
    }
    assert.deepEqual(found, [[401, 20003], [400, 21211], [429, 20429], [500, 20500]]);
  },
  "Receipts that validateRequest accepts": async (stage) => {
    const url = await stage.ear();
    await clientOf(stage).messages.create({ to: "+491701234567", from, body: "Hello", statusCallback: url });
    for (const { headers, body } of await stage.receipts(3)) {
      const fields = Object.fromEntries(new URLSearchParams(body));
      assert(twilio.validateRequest(TOKEN, headers["x-twilio-signature"], url, fields));
      assert(!twilio.validateRequest(TOKEN, headers["x-twilio-signature"], url, { ...fields, To: "+1" }));
    }
  },
};
