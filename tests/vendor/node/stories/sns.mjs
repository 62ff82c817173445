// Amazon's check of SNS messages, and its client for topics; the SNS stands beside the emulated SES, under /sns.
import assert from "node:assert/strict";
import { SendEmailCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import {
  ConfirmSubscriptionCommand, SetTopicAttributesCommand, SNSClient, SubscribeCommand,
} from "@aws-sdk/client-sns";
import MessageValidator from "sns-validator";
import { failure } from "../stage.mjs";

const HOST = "https://sns.eu-west-1.amazonaws.com/sns";
const optionsOf = (stage, accessKeyId) => {
  const { region, secretKey } = stage.values("ses");
  const credentials = { accessKeyId, secretAccessKey: secretKey };
  return { region, credentials, maxAttempts: 1, requestHandler: { httpsAgent: stage.agent } };
};
// The validator takes a certificate from Amazon's host only, so the address of the emulator gives way to that one; it is
// not among the signed fields.
const check = (message) => {
  const name = message.SigningCertURL.split("/").at(-1);
  return new Promise((resolve, reject) => {
    const whole = { ...message, SigningCertURL: `${HOST}/${name}` };
    new MessageValidator().validate(whole, (error, valid) => (error ? reject(error) : resolve(valid)));
  });
};
const play = async (stage, version) => {
  const account = `AKIAVALIDATOR${version}`;
  const { topicArn: TopicArn, configurationSet: ConfigurationSetName } = stage.values("ses");
  const sns = new SNSClient({ ...optionsOf(stage, account), endpoint: HOST });
  await sns.send(
    new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: version }),
  );
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: await stage.ear() }));
  const [question] = (await stage.receipts(1)).map(({ body }) => JSON.parse(body));
  assert.equal((await check(question)).Type, "SubscriptionConfirmation");
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: question.Token }));
  await new SESv2Client(optionsOf(stage, account)).send(
    new SendEmailCommand({
      FromEmailAddress: "news@sandbox.example", Destination: { ToAddresses: ["ann@example.org"] }, ConfigurationSetName,
      Content: { Simple: { Subject: { Data: "Hello" }, Body: { Text: { Data: "Hello" } } } },
    }),
  );
  const events = (await stage.receipts(2)).map(({ body }) => JSON.parse(body));
  for (const event of events) {
    assert.equal((await check(event)).SignatureVersion, version);
    await failure(check({ ...event, Message: `${event.Message} ` }));
  }
  assert.deepEqual(events.map(({ Message }) => JSON.parse(Message).eventType), ["Send", "Delivery"]);
};

export const steps = {
  "A question and events signed with SHA1, which it accepts": (stage) => play(stage, "1"),
  "The same with SHA256": (stage) => play(stage, "2"),
};
