// Firebase's Admin SDK for Node: the sign-in of a service account, messages, many at once.
import assert from "node:assert/strict";
import { cert, initializeApp } from "firebase-admin/app";
import { getMessaging } from "firebase-admin/messaging";
import { failure } from "../stage.mjs";

const TOKEN = "a-registration-token:APA91n";
const messagingOf = (stage, name) => {
  const account = stage.values("fcm").serviceAccountJSON;
  const options = { credential: cert(account, stage.agent), httpAgent: stage.agent, projectId: account.project_id };
  const app = initializeApp(options, name);
  const messaging = getMessaging(app);
  messaging.enableLegacyHttpTransport(); // HTTP/1.1: no proxy leads the other one
  return messaging;
};
const messageTo = (token) => ({ token, notification: { title: "Hello", body: "Ann" }, data: { page: "7" } });

export const steps = {
  "The sign-in and a message": async (stage) => {
    const name = await messagingOf(stage, "one").send({
      ...messageTo(TOKEN),
      android: { priority: "high", ttl: 3_600_000, notification: { color: "#112233", channelId: "news" } },
      apns: { payload: { aps: { badge: 3, sound: "default" } } },
      webpush: { fcmOptions: { link: "https://example.org/" } },
    });
    assert.match(name, /^projects\/[^/]+\/messages\//);
  },
  "Many at once with one dead token among them": async (stage) => {
    const tokens = [TOKEN, "fault-mailbox-unknown", `${TOKEN}2`];
    const found = await messagingOf(stage, "many").sendEach(tokens.map(messageTo));
    assert.deepEqual([found.successCount, found.failureCount], [2, 1]);
    assert.equal(found.responses[1].error.code, "messaging/registration-token-not-registered");
  },
  "A topic": async (stage) => {
    const name = await messagingOf(stage, "topic").send({ topic: "news", notification: { title: "Hello" } });
    assert.match(name, /^projects\/[^/]+\/messages\//);
  },
  "Codes registration-token-not-registered, mismatched-credential, message-rate-exceeded and more": async (stage) => {
    const messaging = messagingOf(stage, "refused");
    const codes = {
      "fault-mailbox-unknown": "registration-token-not-registered", "fault-mailbox-disabled": "mismatched-credential",
      bad: "invalid-argument", "fault-throttled": "message-rate-exceeded", "fault-server-error": "internal-error",
    };
    for (const [token, code] of Object.entries(codes)) {
      assert.equal((await failure(messaging.send(messageTo(token)))).code, `messaging/${code}`);
    }
  },
};
