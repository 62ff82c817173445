// An APNs client: HTTP/2 over TLS with ALPN, provider tokens of its own key.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import apn from "@parse/node-apn";

const play = async (stage, story) => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  const provider = new apn.Provider({
    token: { key, keyId: `NODE${stage.started = (stage.started ?? 100_000) + 1}`, teamId: "NODESTORY1" },
    production: true, proxy: { host: "127.0.0.1", port: stage.proxyPort }, connectionRetryLimit: 0,
  });
  try {
    await story(provider);
  } finally {
    await provider.shutdown();
  }
};
const alert = (topic) =>
  new apn.Notification({
    topic, alert: { title: "Hello", body: "Ann" }, payload: { page: 7 }, expiry: Math.floor(Date.now() / 1000) + 60,
    priority: 10, pushType: "alert", collapseId: "news",
  });

export const steps = {
  "An alert to many at once": (stage) =>
    play(stage, async (provider) => {
      const tokens = Array.from({ length: 20 }, (_, number) => (number + 1).toString(16).padStart(64, "a"));
      const { sent, failed } = await provider.send(alert(stage.values("apns").bundleId), tokens);
      assert.deepEqual([sent.length, failed], [20, []]);
    }),
  "Reasons Unregistered, BadDeviceToken and TooManyRequests": (stage) =>
    play(stage, async (provider) => {
      const tokens = ["fault-mailbox-unknown", "de7de7", "fault-throttled"];
      const { sent, failed } = await provider.send(alert(stage.values("apns").bundleId), tokens);
      const found = failed.map(({ device, status, response }) => [device, status, response?.reason]);
      assert.deepEqual(sent, []);
      assert.deepEqual(found, [
        ["fault-mailbox-unknown", 410, "Unregistered"], ["de7de7", 400, "BadDeviceToken"],
        ["fault-throttled", 429, "TooManyRequests"],
      ]);
    }),
};
