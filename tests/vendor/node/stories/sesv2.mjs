// Amazon's library: SESv2Client, whose signatures the emulator checks.
import assert from "node:assert/strict";
import {
  BadRequestException, GetAccountCommand, MessageRejected, SendBulkEmailCommand, SendEmailCommand, SESv2Client,
  TooManyRequestsException,
} from "@aws-sdk/client-sesv2";
import { failure } from "../stage.mjs";

const clientOf = (stage, accessKeyId = "AKIANODE", secret = "") => {
  const { region, secretKey } = stage.values("ses");
  return new SESv2Client({
    region, credentials: { accessKeyId, secretAccessKey: secret || secretKey }, maxAttempts: 1,
    requestHandler: { httpsAgent: stage.agent },
  });
};
const emailTo = (...people) =>
  new SendEmailCommand({
    FromEmailAddress: "News <news@sandbox.example>", Destination: { ToAddresses: people },
    Content: { Simple: { Subject: { Data: "Hällo" }, Body: { Text: { Data: "Hello Ann" } } } },
  });

export const steps = {
  "An email, simple and in raw MIME": async (stage) => {
    assert((await clientOf(stage).send(emailTo("ann@example.org"))).MessageId);
    const Data = Buffer.from("From: news@sandbox.example\r\nTo: ann@example.org\r\nSubject: Hello\r\n\r\nHello\r\n");
    const raw = { Destination: { ToAddresses: ["ann@example.org"] }, Content: { Raw: { Data } } };
    assert((await clientOf(stage).send(new SendEmailCommand(raw))).MessageId);
  },
  "A bulk with a template of its own and one dead address": async (stage) => {
    const bulk = {
      FromEmailAddress: "news@sandbox.example",
      DefaultContent: { Template: { TemplateContent: { Subject: "Hello {{name}}", Text: "Hello" } } },
      BulkEmailEntries: ["bea@example.org", "cem+mailbox-disabled@example.org"].map((person) => ({
        Destination: { ToAddresses: [person] },
        ReplacementEmailContent: { ReplacementTemplate: { ReplacementTemplateData: JSON.stringify({ name: person }) } },
      })),
    };
    const { BulkEmailEntryResults } = await clientOf(stage).send(new SendBulkEmailCommand(bulk));
    assert.deepEqual(BulkEmailEntryResults.map(({ Status }) => Status), ["SUCCESS", "INVALID_PARAMETER"]);
  },
  "The account with its quota": async (stage) => {
    assert((await clientOf(stage).send(new GetAccountCommand({}))).SendQuota.MaxSendRate > 1);
  },
  "BadRequestException, MessageRejected, TooManyRequestsException, InternalServiceErrorException": async (stage) => {
    const client = clientOf(stage);
    assert((await failure(client.send(emailTo("ann@")))) instanceof BadRequestException);
    assert((await failure(client.send(emailTo("ann+content-rejected@example.org")))) instanceof MessageRejected);
    assert((await failure(client.send(emailTo("ann+throttled@example.org")))) instanceof TooManyRequestsException);
    const trouble = await failure(client.send(emailTo("ann+server-error@example.org")));
    assert.deepEqual([trouble.name, trouble.$metadata.httpStatusCode], ["InternalServiceErrorException", 500]);
  },
  "InvalidSignatureException for a wrong secret": async (stage) => {
    const error = await failure(clientOf(stage, "AKIANODE", "wrong").send(emailTo("ann@example.org")));
    assert.equal(error.name, "InvalidSignatureException");
  },
};
