// Nodemailer, for SMTP: what most programs on Node send email with.
import assert from "node:assert/strict";
import nodemailer from "nodemailer";
import { failure } from "../stage.mjs";

const transportOf = (stage, user = "story", pass = "a password") => {
  const { host, port } = stage.spots.smtp;
  return nodemailer.createTransport({ host, port, secure: false, ignoreTLS: true, auth: { user, pass } });
};
const emailTo = (...to) => ({
  from: '"Nëws" <news@sandbox.example>', to, subject: "Hällo", text: "Grüße", html: "<p>Grüße</p>",
  attachments: [{ filename: "ä.txt", content: "Hello" }],
});

export const steps = {
  "The check of a connection": async (stage) => {
    assert.equal(await transportOf(stage).verify(), true);
  },
  "An email to two, with both bodies and a file": async (stage) => {
    const sent = await transportOf(stage).sendMail(emailTo("ann@example.org", "bea@example.org"));
    assert.deepEqual(sent.accepted, ["ann@example.org", "bea@example.org"]);
    assert.match(sent.response, /^250 /);
  },
  "One of two recipients refused": async (stage) => {
    const sent = await transportOf(stage).sendMail(emailTo("ann@example.org", "cem+mailbox-unknown@example.org"));
    assert.deepEqual([sent.accepted, sent.rejected], [["ann@example.org"], ["cem+mailbox-unknown@example.org"]]);
    assert.equal(sent.rejectedErrors[0].responseCode, 550);
  },
  "EENVELOPE, EMESSAGE and EAUTH": async (stage) => {
    const found = [];
    for (const person of ["ann+mailbox-full@example.org", "ann+content-rejected@example.org"]) {
      const error = await failure(transportOf(stage).sendMail(emailTo(person)));
      found.push([error.code, error.responseCode]);
    }
    const error = await failure(transportOf(stage, "plays-wrong-password").sendMail(emailTo("ann@example.org")));
    found.push([error.code, error.responseCode]);
    assert.deepEqual(found, [["EENVELOPE", 452], ["EMESSAGE", 554], ["EAUTH", 535]]);
  },
};
