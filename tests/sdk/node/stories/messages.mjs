// Messages of all three channels: written, changed, planned, sent, listed, deleted.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { refusal } from "../stage.mjs";

const LATER = new Date(Date.now() + 86_400_000).toISOString().replace("Z", "+00:00"); // what the service answers

export async function tell(stage) {
  const { messaging, users, spots } = stage;
  const people = {
    ann: await users.create({ userId: "ann", email: "ann@example.org", phone: "+4917012345678", name: "Ann" }),
  };
  people.push = await users.createTarget({
    userId: "ann",
    targetId: "ann-phone",
    providerType: stage.sdk.MessagingProviderType.Push,
    identifier: "device-1",
    name: "Phone",
  });
  await messaging.createSmtpProvider({
    providerId: "post",
    name: "Post",
    host: "127.0.0.1",
    port: spots.port,
    encryption: stage.sdk.SmtpEncryption.None,
    autoTLS: false,
    fromEmail: "news@shop.example",
    enabled: true,
  });
  await sendEmail(stage, people.ann);
  for (const spelling of stage.spellings("Messaging", "createSms", "createSMS"))
    await planSms(stage, spelling, people.ann);
  await planPush(stage, people.push);
}

async function sendEmail(stage, ann) {
  const { messaging } = stage;
  const { ID, Query } = stage.sdk;
  const messageId = "hello";
  const draft = await messaging.createEmail({
    messageId,
    subject: "Hello",
    content: "<p>Hi {{ name }}</p>",
    html: true,
    draft: true,
  });
  assert.deepEqual([draft.status, draft.data.html, draft.providerType], ["draft", true, "email"]);
  const target = ann.targets.find((each) => each.providerType === "email").$id;
  const sent = await messaging.updateEmail({
    messageId,
    subject: "Hello you",
    users: ["ann"],
    targets: [target],
    draft: false,
  });
  assert.equal(sent.status, "processing");
  let seen = sent;
  for (let turn = 0; seen.status === "processing" && turn < 600; turn += 1) {
    await pause(100);
    seen = await messaging.getMessage({ messageId });
  }
  assert.deepEqual([seen.status, seen.deliveredTotal, seen.deliveryErrors], ["sent", 1, []]);
  assert.deepEqual(
    (await messaging.listTargets({ messageId })).targets.map((each) => each.$id),
    [target],
  );
  const queries = [Query.equal("status", "sent"), Query.equal("providerType", "email"), Query.orderDesc("$createdAt")];
  assert.deepEqual(
    (await messaging.listMessages({ queries })).messages.map((each) => each.$id),
    [messageId],
  );
  if (stage.has("Messaging", "listMessageLogs")) {
    const { logs } = await messaging.listMessageLogs({ messageId });
    assert.equal(logs.at(-1).event, "message.create");
  }
  await messaging.delete({ messageId });
  assert.deepEqual(await refusal(messaging.getMessage({ messageId })), [404, "message_not_found"]);
  const aimless = messaging.createEmail({ messageId: ID.unique(), subject: "To nobody", content: "x" });
  assert.deepEqual(await refusal(aimless), [400, "message_missing_target"]);
}

async function planSms({ messaging }, spelling, ann) {
  const messageId = spelling;
  const target = ann.targets.find((each) => each.providerType === "sms").$id;
  const made = await messaging[spelling]({
    messageId,
    content: "Your parcel is here",
    targets: [target],
    scheduledAt: LATER,
  });
  assert.deepEqual([made.status, made.data.content, made.scheduledAt], ["scheduled", "Your parcel is here", LATER]);
  const changed = await messaging[spelling.replace("create", "update")]({
    messageId,
    content: "It is here",
    draft: true,
  });
  assert.deepEqual([changed.status, changed.data.content], ["draft", "It is here"]);
  await messaging.delete({ messageId });
}

async function planPush({ sdk, messaging }, target) {
  const messageId = "push";
  const made = await messaging.createPush({
    messageId,
    title: "Parcel",
    body: "It is here",
    targets: [target.$id],
    data: { order: "7" },
    action: "open",
    sound: "ding",
    color: "#FF0000",
    tag: "parcel",
    badge: 3,
    contentAvailable: true,
    critical: false,
    priority: sdk.MessagePriority?.High,
    scheduledAt: LATER,
    icon: "box",
  });
  assert.deepEqual([made.status, made.data.title, { ...made.data.data }], ["scheduled", "Parcel", { order: "7" }]);
  const changed = await messaging.updatePush({ messageId, body: "Come and get it", draft: true });
  assert.deepEqual([changed.status, changed.data.body, changed.data.title], ["draft", "Come and get it", "Parcel"]);
  const wrong = messaging.updateEmail({ messageId, subject: "No email" });
  assert.deepEqual(await refusal(wrong), [404, "message_not_found"]);
  await messaging.delete({ messageId });
}
