// Topics and their subscribers.
import assert from "node:assert/strict";
import { refusal } from "../stage.mjs";

export async function tell(stage) {
  const { ID, Query, Permission, Role } = stage.sdk;
  const { messaging, users } = stage;
  assert.equal(Permission.read(Role.any()), 'read("any")');

  const made = await messaging.createTopic({ topicId: ID.unique(), name: "News", subscribe: [Role.users()] });
  assert.deepEqual([made.name, made.subscribe, made.emailTotal], ["News", ["users"], 0]);
  const topicId = made.$id;
  assert.equal((await messaging.getTopic({ topicId })).$id, topicId);
  assert.equal((await messaging.updateTopic({ topicId, name: "Weekly" })).name, "Weekly");
  const found = await messaging.listTopics({
    queries: [Query.equal("name", "Weekly"), Query.limit(5)],
    search: "week",
  });
  assert.deepEqual([found.total, found.topics[0].$id], [1, topicId]);

  const ann = await users.create({ userId: "topic-ann", email: "topic-ann@example.org", name: "Ann" });
  const subscriber = await messaging.createSubscriber({
    topicId,
    subscriberId: ID.unique(),
    targetId: ann.targets[0].$id,
  });
  assert.deepEqual([subscriber.userName, subscriber.target.identifier], ["Ann", "topic-ann@example.org"]);
  const subscriberId = subscriber.$id;
  assert.equal((await messaging.getSubscriber({ topicId, subscriberId })).topicId, topicId);
  const listed = await messaging.listSubscribers({ topicId, queries: [Query.equal("userId", "topic-ann")] });
  assert.deepEqual(
    listed.subscribers.map((each) => each.$id),
    [subscriberId],
  );
  assert.equal((await messaging.getTopic({ topicId })).emailTotal, 1);

  if (stage.has("Messaging", "listTopicLogs")) await readLogs(messaging, topicId, subscriberId);

  await messaging.deleteSubscriber({ topicId, subscriberId });
  assert.deepEqual(await refusal(messaging.getSubscriber({ topicId, subscriberId })), [404, "subscriber_not_found"]);
  await messaging.deleteTopic({ topicId });
  assert.deepEqual(await refusal(messaging.getTopic({ topicId })), [404, "topic_not_found"]);
  const broken = messaging.createTopic({ topicId: "!", name: "x" });
  assert.deepEqual(await refusal(broken), [400, "general_argument_invalid"]);
}

async function readLogs(messaging, topicId, subscriberId) {
  const { total, logs } = await messaging.listTopicLogs({ topicId });
  assert.deepEqual([total, logs.map((each) => each.event)], [2, ["topic.update", "topic.create"]]);
  assert.deepEqual([logs[0].userType, logs[0].ip], ["app", "127.0.0.1"]);
  assert.deepEqual(
    (await messaging.listSubscriberLogs({ subscriberId })).logs.map((each) => each.event),
    ["subscriber.create"],
  );
}
