// Textmagic's library: messages and the user.
import assert from "node:assert/strict";
import Client from "textmagic-rest-client";
import { failure, REFUSED } from "../stage.mjs";

const ask = (key, how) =>
  new Promise((resolve, reject) => {
    how(new Client("story", key), (error, body) => (error ? reject(Object.assign(error, { body })) : resolve(body)));
  });
const send = (fields, key = "the-key-of-the-story") =>
  ask(key, (client, done) => client.Messages.send({ text: "Hello Ann", ...fields }, done));

export const steps = {
  "A message, and one to several": async () => {
    const sent = await send({ phones: "491701234567" });
    assert.deepEqual([sent.type, sent.messageId], ["message", sent.id]);
    assert.equal((await send({ phones: "491701234567,491701234568" })).type, "session");
  },
  "The user": async () => {
    assert.equal((await ask("the-key-of-the-story", (client, done) => client.User.info({}, done))).username, "story");
  },
  "Errors Unauthorized, Validation Failed with the field, Too Many Requests, 500": async () => {
    assert.equal((await failure(send({ phones: "491701234567" }, REFUSED))).message, "Unauthorized");
    const wrong = await failure(send({ phones: "15005550001" }));
    assert.deepEqual([wrong.message, Object.keys(wrong.body.errors.fields)], ["Validation Failed", ["phones"]]);
    assert.equal((await failure(send({ phones: "15005550101" }))).message, "Too Many Requests");
    assert.equal((await failure(send({ phones: "15005550102" }))).message, "Oops unknown error!");
  },
};
