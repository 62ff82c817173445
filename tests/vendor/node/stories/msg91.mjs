// MSG91's library: flows to one and to several.
import assert from "node:assert/strict";
import msg91 from "msg91";
import { failure, REFUSED } from "../stage.mjs";

const sms = (authKey = "the-key-of-the-story") => msg91.default.getSMS({ authKey });

export const steps = {
  "A flow to one, and to several": async (stage) => {
    msg91.default.initialize({ authKey: "the-key-of-the-story" });
    const { templateId } = stage.values("msg91");
    assert.match((await sms().send(templateId, { mobile: "491701234567", VAR1: "Ann" })).message, /^[0-9a-f]{24}$/);
    const people = [{ mobiles: "491701234567", VAR1: "Bea" }, { mobiles: "491701234568", VAR1: "Cem" }];
    assert((await sms().send(templateId, people, { senderId: "CARILN", shortURL: false })).message);
  },
  "Errors with 200, with 400, with 429 and with 500": async (stage) => {
    const { templateId } = stage.values("msg91");
    const [number, key] = [
      await failure(sms().send(templateId, { mobile: "15005550001" })),
      await failure(sms(REFUSED).send(templateId, { mobile: "491701234567" })),
    ];
    assert.deepEqual([number.message, key.message], ["Invalid mobile number", "authentication failure"]);
    assert.equal((await failure(sms().send("no-template", { mobile: "491701234567" }))).response.status, 400);
    assert.equal((await failure(sms().send(templateId, { mobile: "15005550101" }))).response.status, 429);
    assert.equal((await failure(sms().send(templateId, { mobile: "15005550102" }))).response.status, 500);
  },
};
