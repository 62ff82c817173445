// SendGrid's libraries: @sendgrid/mail and @sendgrid/eventwebhook.
import assert from "node:assert/strict";
import { EventWebhook, EventWebhookHeader } from "@sendgrid/eventwebhook";
import client from "@sendgrid/client";
import mail from "@sendgrid/mail";
import { failure, REFUSED } from "../stage.mjs";

const KEY = "SG.story.node";
const emailTo = (...people) => ({
  to: people, from: { email: "news@sandbox.example", name: "News" }, subject: "Hello", text: "Hello Ann",
  html: "<p>Hello</p>",
});

export const steps = {
  "An email with custom arguments": async () => {
    mail.setApiKey(KEY);
    const [answer] = await mail.send({ ...emailTo("ann@example.org"), customArgs: { delivery: "d1" } });
    assert.equal(answer.statusCode, 202);
    assert(answer.headers["x-message-id"]);
  },
  "One email for each by sendMultiple": async () => {
    const [answer] = await mail.sendMultiple(emailTo("bea@example.org", "cem@example.org"));
    assert.equal(answer.statusCode, 202);
  },
  "ResponseError 401, 403, 400, 429, 500": async () => {
    const found = [];
    const tries = [
      [`SG.${REFUSED}`, "ann@example.org"], ["SG.story.readonly", "ann@example.org"], [KEY, "ann@nowhere"],
      [KEY, "ann+throttled@example.org"], [KEY, "ann+server-error@example.org"],
    ];
    for (const [key, person] of tries) {
      mail.setApiKey(key);
      const error = await failure(mail.send(emailTo(person)));
      found.push(error.code);
      if (error.code === 400) assert.equal(error.response.body.errors[0].field, "personalizations.0.to.0.email");
    }
    assert.deepEqual(found, [401, 403, 400, 429, 500]);
  },
  "Events that EventWebhook accepts": async (stage) => {
    client.setApiKey(KEY);
    const body = { enabled: true, url: await stage.ear() };
    await client.request({ method: "PATCH", url: "/v3/user/webhooks/event/settings", body });
    mail.setApiKey(KEY);
    await mail.send(emailTo("ann@example.org"));
    const [heard] = await stage.receipts(1);
    const webhook = new EventWebhook();
    const key = webhook.convertPublicKeyToECDSA(stage.values("sendgrid").webhookPublicKey);
    const names = [EventWebhookHeader.SIGNATURE(), EventWebhookHeader.TIMESTAMP()];
    const proof = names.map((name) => heard.headers[name.toLowerCase()]);
    assert(webhook.verifySignature(key, heard.body, ...proof));
    assert(!webhook.verifySignature(key, `${heard.body} `, ...proof));
  },
};
