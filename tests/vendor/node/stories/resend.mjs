// Resend's library: emails, batches and the check of webhooks.
import assert from "node:assert/strict";
import { Resend } from "resend";
import { REFUSED } from "../stage.mjs";

const KEY = "re_story_node"; // with an ending for each step: a key has two requests a second
const emailTo = (person) => ({
  from: "News <news@sandbox.example>", to: person, subject: "Hello", html: "<p>Hello</p>", text: "Hello",
});

export const steps = {
  "An email with a file, tags and an idempotency key": async () => {
    const resend = new Resend(`${KEY}_one`);
    const email = {
      ...emailTo("ann@example.org"), tags: [{ name: "d", value: "1" }], replyTo: "reply@sandbox.example",
      attachments: [{ filename: "hello.txt", content: Buffer.from("Hello"), contentType: "text/plain" }],
    };
    const first = await resend.emails.send(email, { idempotencyKey: "node-1" });
    const again = await resend.emails.send(email, { idempotencyKey: "node-1" });
    assert.equal(first.error, null);
    assert.equal(first.data.id, again.data.id);
  },
  "A batch, strict and permissive": async () => {
    const resend = new Resend(`${KEY}_batch`);
    const people = [emailTo("bea@example.org"), emailTo("cem@example.org")];
    assert.equal((await resend.batch.send(people)).data.data.length, 2);
    const mixed = [...people, emailTo("dan+mailbox-unknown@example.org")];
    const found = await resend.batch.send(mixed, { batchValidation: "permissive" });
    assert.deepEqual([found.data.data.length, found.data.errors.map(({ index }) => index)], [2, [2]]);
  },
  "Errors invalid_api_key, validation_error, rate_limit_exceeded, application_error": async () => {
    const found = [];
    const tries = [
      [`re_${REFUSED}`, "ann@example.org"], [`${KEY}_1`, "ann"], [`${KEY}_2`, "ann+throttled@example.org"],
      [`${KEY}_3`, "ann+busy@example.org"],
    ];
    for (const [key, person] of tries) {
      const { data, error } = await new Resend(key).emails.send(emailTo(person));
      assert.equal(data, null);
      found.push([error.statusCode, error.name]);
    }
    assert.deepEqual(found, [
      [403, "invalid_api_key"], [422, "validation_error"], [429, "rate_limit_exceeded"], [500, "application_error"],
    ]);
  },
  "Events that webhooks.verify accepts": async (stage) => {
    const resend = new Resend(`${KEY}_events`);
    const events = ["email.sent", "email.delivered"];
    const made = await resend.webhooks.create({ endpoint: await stage.ear(), events });
    await resend.emails.send(emailTo("ann@example.org"));
    const types = (await stage.receipts(2)).map(({ headers, body }) => {
      const [id, timestamp, signature] = ["id", "timestamp", "signature"].map((name) => headers[`svix-${name}`]);
      const check = { headers: { id, timestamp, signature }, webhookSecret: made.data.signing_secret };
      assert.throws(() => resend.webhooks.verify({ ...check, payload: `${body} ` }));
      return resend.webhooks.verify({ ...check, payload: body }).type;
    });
    assert.deepEqual(types, events);
  },
};
