// What Carillon does not offer is refused with 404 and a sentence, whoever asks.
import assert from "node:assert/strict";
import { refusal } from "../stage.mjs";

const USERS = {
  createToken: {},
  updateMfa: { mfa: true },
  updateMFA: { mfa: true },
  deleteMfaAuthenticator: { type: "totp" },
  deleteMFAAuthenticator: { type: "totp" },
  getMfaRecoveryCodes: {},
  getMFARecoveryCodes: {},
  createMfaRecoveryCodes: {},
  createMFARecoveryCodes: {},
  updateMfaRecoveryCodes: {},
  updateMFARecoveryCodes: {},
  updateImpersonator: { impersonator: true },
};
const TOKEN = { userId: "bob", secret: "0123456789" };
const AFTER = "http://127.0.0.1/after";
const CONSENT = { consentId: "c", tokenId: "t" };
const ACCOUNT = {
  updateMFA: { mfa: true },
  createMfaAuthenticator: { type: "totp" },
  createMFAAuthenticator: { type: "totp" },
  updateMfaAuthenticator: { type: "totp", otp: "123456" },
  updateMFAAuthenticator: { type: "totp", otp: "123456" },
  deleteMfaAuthenticator: { type: "totp" },
  deleteMFAAuthenticator: { type: "totp" },
  createMfaChallenge: { factor: "email" },
  createMFAChallenge: { factor: "email" },
  updateMfaChallenge: { challengeId: "c", otp: "123456" },
  updateMFAChallenge: { challengeId: "c", otp: "123456" },
  getMfaRecoveryCodes: {},
  getMFARecoveryCodes: {},
  createMfaRecoveryCodes: {},
  createMFARecoveryCodes: {},
  updateMfaRecoveryCodes: {},
  updateMFARecoveryCodes: {},
  createAnonymousSession: {},
  updateMagicURLSession: TOKEN,
  updatePhoneSession: TOKEN,
  createSession: TOKEN,
  createEmailToken: { userId: "bob", email: "bob@example.org" },
  createMagicURLToken: { userId: "bob", email: "bob@example.org" },
  createPhoneToken: { userId: "bob", phone: "+4917066666666" },
  createOAuth2Token: { provider: "github" },
  createRecovery: { email: "bob@example.org", url: AFTER },
  updateRecovery: { ...TOKEN, password: "correct horse" },
  createEmailVerification: { url: AFTER },
  createVerification: { url: AFTER },
  updateEmailVerification: TOKEN,
  updateVerification: TOKEN,
  createPhoneVerification: {},
  updatePhoneVerification: TOKEN,
  listConsents: {},
  getConsent: { consentId: "c" },
  deleteConsent: { consentId: "c" },
  listConsentTokens: { consentId: "c" },
  getConsentToken: CONSENT,
  deleteConsentToken: CONSENT,
};

export async function tell(stage) {
  await stage.users.create({ userId: "bob", email: "bob@example.org" });
  const { secret } = await stage.users.createSession({ userId: "bob" });
  const { account } = stage.as((client) => client.setSession(secret));
  for (const [method, given] of known(stage, "Users", USERS)) {
    stage.absent.add(`Users.${method}`);
    assert.deepEqual(
      await refusal(stage.users[method]({ userId: "bob", ...given })),
      [404, "general_route_not_found"],
      method,
    );
  }
  for (const [method, given] of known(stage, "Account", ACCOUNT)) {
    stage.absent.add(`Account.${method}`);
    // It follows a redirect that does not come, and reads no further than the status.
    const type = method === "createOAuth2Token" ? "" : "general_route_not_found";
    assert.deepEqual(await refusal(account[method](given)), [404, type], method);
  }
}

function known(stage, service, methods) {
  return Object.entries(methods).filter(([method]) => stage.has(service, method));
}
