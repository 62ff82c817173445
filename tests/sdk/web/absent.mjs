// What Carillon does not offer, asked for from a page: the refusal is readable there too.
import { refusal, same } from "./page.mjs";

const TOKEN = { userId: "vera", secret: "0123456789" };
const CONSENT = { consentId: "c", tokenId: "t" };
const TOTP = { type: "totp", otp: "123456" };
const CHALLENGE = { factor: "email", challengeId: "c", otp: "123456" };
const AFTER = { email: "vera@example.org", url: location.origin };

const ABSENT = {
  updateMFA: { mfa: true },
  createMfaAuthenticator: TOTP,
  createMFAAuthenticator: TOTP,
  updateMfaAuthenticator: TOTP,
  updateMFAAuthenticator: TOTP,
  deleteMfaAuthenticator: TOTP,
  deleteMFAAuthenticator: TOTP,
  createMfaChallenge: CHALLENGE,
  createMFAChallenge: CHALLENGE,
  updateMfaChallenge: CHALLENGE,
  updateMFAChallenge: CHALLENGE,
  getMfaRecoveryCodes: {},
  getMFARecoveryCodes: {},
  createMfaRecoveryCodes: {},
  createMFARecoveryCodes: {},
  updateMfaRecoveryCodes: {},
  updateMFARecoveryCodes: {},
  createAnonymousSession: {},
  createSession: TOKEN,
  updateMagicURLSession: TOKEN,
  updatePhoneSession: TOKEN,
  createEmailToken: { userId: "vera", ...AFTER },
  createMagicURLToken: { userId: "vera", ...AFTER },
  createPhoneToken: { userId: "vera", phone: "+4917066666666" },
  createRecovery: AFTER,
  updateRecovery: { ...TOKEN, password: "correct horse" },
  createEmailVerification: AFTER,
  createVerification: AFTER,
  updateEmailVerification: TOKEN,
  updateVerification: TOKEN,
  createPhoneVerification: {},
  updatePhoneVerification: TOKEN,
  listConsents: {},
  getConsent: CONSENT,
  deleteConsent: CONSENT,
  listConsentTokens: CONSENT,
  getConsentToken: CONSENT,
  deleteConsentToken: CONSENT,
};

export async function refuseAbsent({ account }) {
  for (const [method, given] of Object.entries(ABSENT)) {
    same([method, ...(await refusal(account[method](given)))], [method, 404, "general_route_not_found"]);
  }
}
