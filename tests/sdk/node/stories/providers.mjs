// Providers of every kind that the SDK knows: connected, changed, read, listed, disconnected.
import { generateKeyPairSync } from "node:crypto";
import assert from "node:assert/strict";
import { refusal } from "../stage.mjs";

const pem = (type, options) => generateKeyPairSync(type, options).privateKey.export({ type: "pkcs8", format: "pem" });
const PHONE = "+4930901820";
const SENDER = { fromEmail: "news@shop.example", fromName: "News" };

// Each kind: how SDKs spell it, what it needs to be switched on, and what is changed afterwards.
const KINDS = {
  apns: [
    ["Apns", "APNS"],
    () => ({
      authKey: pem("ec", { namedCurve: "P-256" }),
      authKeyId: "ABC1234567",
      teamId: "DEF1234567",
      bundleId: "org.example.shop",
      sandbox: true,
    }),
    { bundleId: "org.example.store" },
  ],
  fcm: [
    ["Fcm", "FCM"],
    () => ({
      serviceAccountJSON: {
        type: "service_account",
        project_id: "shop",
        private_key_id: "1",
        client_email: "shop@shop.example",
        client_id: "1",
        private_key: pem("rsa", { modulusLength: 2048 }),
        token_uri: "https://oauth2.googleapis.com/token",
      },
    }),
    {},
  ],
  mailgun: [
    ["Mailgun"],
    () => ({ apiKey: "key", domain: "shop.example", isEuRegion: true, ...SENDER }),
    { domain: "store.example" },
  ],
  msg91: [
    ["Msg91"],
    () => ({ templateId: "0123456789abcdef01234567", senderId: "SHOPIN", authKey: "0123456789abcdef" }),
    { senderId: "STORES" },
  ],
  resend: [["Resend"], () => ({ apiKey: "re_0123456789abcdef", ...SENDER }), {}],
  sendgrid: [["Sendgrid"], () => ({ apiKey: "SG.abcdefghijklmnop.0123456789", ...SENDER }), {}],
  ses: [
    ["Ses"],
    () => ({ accessKey: "AKIA0123456789ABCDEF", secretKey: "s".repeat(40), region: "eu-central-1", ...SENDER }),
    { region: "eu-west-1" },
  ],
  smtp: [
    ["Smtp", "SMTP"],
    (sdk) => ({
      host: "smtp.example.org",
      port: 2525,
      username: "u",
      password: "p",
      encryption: sdk.SmtpEncryption.Tls,
      autoTLS: false,
      mailer: "Shop",
      ...SENDER,
    }),
    { host: "mail.example.org" },
  ],
  telesign: [
    ["Telesign"],
    () => ({ from: PHONE, customerId: "01234567-89AB-CDEF-0123-456789ABCDEF", apiKey: "c2VjcmV0".repeat(11) }),
    { from: "+4930901821" },
  ],
  textmagic: [
    ["Textmagic"],
    () => ({ from: PHONE, username: "shop", apiKey: "0123456789abcdef0123456789abcd" }),
    { username: "store" },
  ],
  twilio: [
    ["Twilio"],
    () => ({ from: PHONE, accountSid: `AC${"0".repeat(32)}`, authToken: "0123456789abcdef".repeat(2) }),
    { from: "+4930901821" },
  ],
  vonage: [
    ["Vonage"],
    () => ({ from: PHONE, apiKey: "0123abcd", apiSecret: "Secret0123456789" }),
    { apiKey: "4567cdef" },
  ],
};

export async function tell(stage) {
  for (const [kind, [spellings, needs, change]] of Object.entries(KINDS)) {
    for (const spelling of spellings.filter((name) => stage.has("Messaging", `create${name}Provider`))) {
      await live(stage, kind, spelling, needs(stage.sdk), change);
    }
  }
  const unknown = stage.messaging.createMailgunProvider({ providerId: "x", name: "x", fromEmail: "no address" });
  assert.deepEqual(await refusal(unknown), [400, "general_argument_invalid"]);
}

async function live(stage, kind, spelling, given, change) {
  const { messaging } = stage;
  const { Query } = stage.sdk;
  const providerId = kind;
  const made = await messaging[`create${spelling}Provider`]({ providerId, name: kind, ...given, enabled: false });
  assert.deepEqual([made.$id, made.provider, made.enabled], [providerId, kind, false]);
  const changed = await messaging[`update${spelling}Provider`]({ providerId, name: "Other", ...change, enabled: true });
  assert.deepEqual([changed.name, changed.enabled], ["Other", true]);
  const shown = { ...changed.credentials, ...changed.options };
  for (const [name, value] of Object.entries(change)) assert.equal(shown[name], value);
  assert.equal((await messaging.getProvider({ providerId })).provider, kind);
  const listed = await messaging.listProviders({
    queries: [Query.equal("provider", kind), Query.equal("enabled", true)],
  });
  assert.ok(listed.providers.some((each) => each.$id === providerId));
  if (stage.has("Messaging", "listProviderLogs")) {
    const { logs } = await messaging.listProviderLogs({ providerId });
    assert.deepEqual([logs[0].event, logs.at(-1).event], ["provider.update", "provider.create"]);
  }
  await messaging.deleteProvider({ providerId });
  assert.deepEqual(await refusal(messaging.getProvider({ providerId })), [404, "provider_not_found"]);
}
