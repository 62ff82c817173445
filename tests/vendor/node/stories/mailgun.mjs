// Mailgun's library: messages, batches and the domain.
import assert from "node:assert/strict";
import Mailgun from "mailgun.js";
import { failure, REFUSED } from "../stage.mjs";

const DOMAIN = "mg.sandbox.example";
const EMAIL = { from: `News <news@${DOMAIN}>`, to: ["ann@example.org"], subject: "Hello", text: "Hello Ann" };
const clientOf = (key = "key-story-node") => new Mailgun(FormData).client({ username: "api", key });

export const steps = {
  "A message with a file": async () => {
    const attachment = { filename: "a.txt", data: Buffer.from("Hello") };
    const sent = await clientOf().messages.create(DOMAIN, { ...EMAIL, attachment });
    assert.deepEqual([sent.status, sent.message], [200, "Queued. Thank you."]);
    assert(sent.id.endsWith(`@${DOMAIN}>`));
  },
  "A batch with recipient-variables": async () => {
    const people = { "bea@example.org": { name: "Bea" }, "cem@example.org": { name: "Cem" } };
    const email = { ...EMAIL, to: Object.keys(people), "recipient-variables": JSON.stringify(people) };
    assert.equal((await clientOf().messages.create(DOMAIN, email)).status, 200);
  },
  "A message in raw MIME": async () => {
    const message = `From: ${EMAIL.from}\r\nTo: ann@example.org\r\nSubject: Hello\r\n\r\nHello Ann\r\n`;
    assert.equal((await clientOf().messages.create(DOMAIN, { to: ["ann@example.org"], message })).status, 200);
  },
  "The domain": async () => {
    assert.equal((await clientOf().domains.get(DOMAIN)).state, "active");
  },
  "APIError 401, 400, 429, 500": async () => {
    const found = [];
    const tries = [
      [REFUSED, "ann@example.org"], [undefined, "ann"], [undefined, "ann+throttled@example.org"],
      [undefined, "ann+server-error@example.org"],
    ];
    for (const [key, person] of tries) {
      const error = await failure(clientOf(key).messages.create(DOMAIN, { ...EMAIL, to: [person] }));
      assert.equal(error.type, "MailgunAPIError");
      found.push(error.status);
    }
    assert.deepEqual(found, [401, 400, 429, 500]);
  },
};
