// Vonage's library: the SMS API and the check of signatures.
import assert from "node:assert/strict";
import { AlgorithmTypes, Auth } from "@vonage/auth";
import { Vonage } from "@vonage/server-sdk";
import { MessageSendPartialFailure } from "@vonage/sms";
import { failure, REFUSED } from "../stage.mjs";

const SIGNED_KEY = "signed12"; // the account of the emulator whose webhooks are signed
const SIGNATURE_SECRET = "a-signature-secret-of-the-sandbox";
const clientOf = (apiSecret = "the-secret", apiKey = "abcd1234") => new Vonage(new Auth({ apiKey, apiSecret }));

export const steps = {
  "A message, and one of two parts with its reference": async () => {
    const sent = await clientOf().sms.send({ to: "491701234567", from: "ACME", text: "Hello Ann" });
    assert.deepEqual([sent.messageCount, sent.messages[0].status], ["1", "0"]);
    const long = { to: "491701234567", from: "ACME", text: "я".repeat(71), type: "unicode", clientRef: "d1" };
    const { messages } = await clientOf().sms.send(long);
    assert.equal(new Set(messages.map((each) => each.messageId)).size, 2);
  },
  "MessageSendPartialFailure with the statuses 4, 6, 1, 5": async () => {
    const found = []; // never MessageSendAllFailure: the SDK compares the count, a text on the wire, with a number
    const tries = [
      [REFUSED, "491701234567"], [undefined, "15005550001"], [undefined, "15005550101"], [undefined, "15005550102"],
    ];
    for (const [secret, to] of tries) {
      const error = await failure(clientOf(secret).sms.send({ to, from: "ACME", text: "No" }));
      assert(error instanceof MessageSendPartialFailure);
      found.push(error.response.messages[0].status);
    }
    assert.deepEqual(found, ["4", "6", "1", "5"]);
  },
  "Receipts that verifySignature accepts": async (stage) => {
    const { sms } = clientOf("the-secret", SIGNED_KEY);
    await sms.send({ to: "491701234567", from: "ACME", text: "Hello", callback: await stage.ear() });
    for (const { body } of await stage.receipts(2)) {
      const fields = JSON.parse(body);
      const check = (said) => sms.verifySignature(said.sig, said, SIGNATURE_SECRET, AlgorithmTypes.sha256hmac);
      assert(check(fields));
      assert(!check({ ...fields, status: "read" }));
    }
  },
  "The balance": async () => {
    assert((await clientOf().accounts.getBalance()).value > 0);
  },
};
