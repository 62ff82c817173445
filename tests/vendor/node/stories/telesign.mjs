// Telesign's library: messages and their status. It signs every request.
import assert from "node:assert/strict";
import TeleSign from "telesignsdk";

const CUSTOMER = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";
const ask = (stage, how, key) =>
  new Promise((resolve, reject) => {
    const client = new TeleSign(CUSTOMER, key ?? stage.values("telesign").apiKey, "https://rest-api.telesign.com");
    how(client.sms, (error, body) => (error ? reject(error) : resolve(body)));
  });
const send = (stage, number, key) =>
  ask(stage, (sms, done) => sms.message(done, number, "Hello Ann: 100 % & more", "ARN"), key);

export const steps = {
  "A message and its status": async (stage) => {
    const sent = await send(stage, "491701234567");
    assert.equal(sent.status.code, 290);
    const found = await ask(stage, (sms, done) => sms.status(done, sent.reference_id));
    assert.equal(found.reference_id, sent.reference_id);
  },
  "Status codes 10022, 11000, 510, 10019, 500": async (stage) => {
    const found = [(await send(stage, "491701234567", "d3Jvbmc=")).status.code];
    for (const number of ["15005550001", "15005550004", "15005550101", "15005550102"]) {
      found.push((await send(stage, number)).status.code);
    }
    assert.deepEqual(found, [10022, 11000, 510, 10019, 500]);
  },
};
