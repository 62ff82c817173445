// The account of whoever is signed in, by session and by token, as a server uses it for its visitors.
import assert from "node:assert/strict";
import { refusal } from "../stage.mjs";

const EMAIL = "mia@example.org";

export async function tell(stage) {
  const guest = stage.as().account;
  const made = await guest.create({ userId: "mia", email: EMAIL, password: "correct horse", name: "Mia" });
  assert.deepEqual([made.$id, made.email, made.targets.length], ["mia", EMAIL, 1]);
  assert.deepEqual(await refusal(guest.get()), [401, "general_unauthorized_scope"]);
  const wrong = guest.createEmailPasswordSession({ email: EMAIL, password: "wrong horse" });
  assert.deepEqual(await refusal(wrong), [401, "user_invalid_credentials"]);

  const begun = await stage.account.createEmailPasswordSession({ email: EMAIL, password: "correct horse" });
  assert.deepEqual([begun.userId, begun.provider, begun.current], ["mia", "email", true]);
  const mia = stage.as((client) => client.setSession(begun.secret)).account;
  await change(mia);
  await look(stage, mia);
  await useToken(stage, mia);
  await signOut(stage, mia);
}

async function change(mia) {
  assert.equal((await mia.get()).$id, "mia");
  assert.equal((await mia.updateName({ name: "Mia M" })).name, "Mia M");
  const password = "correct horse";
  assert.equal((await mia.updateEmail({ email: "mia2@example.org", password })).email, "mia2@example.org");
  assert.equal((await mia.updatePhone({ phone: "+4917077777777", password })).phone, "+4917077777777");
  assert.equal((await mia.updatePassword({ password: "battery staple", oldPassword: password })).$id, "mia");
  assert.deepEqual({ ...(await mia.updatePrefs({ prefs: { city: "Ulm" } })).prefs }, { city: "Ulm" });
  assert.deepEqual({ ...(await mia.getPrefs()) }, { city: "Ulm" });
}

async function look(stage, mia) {
  assert.equal((await mia.listSessions()).total, 1);
  const session = await mia.getSession({ sessionId: "current" });
  assert.equal(session.current, true);
  assert.equal((await mia.updateSession({ sessionId: session.$id })).$id, session.$id);
  assert.ok((await mia.listLogs()).total > 0);
  assert.deepEqual((await mia.listIdentities()).identities, []);
  assert.deepEqual(await refusal(mia.deleteIdentity({ identityId: "x" })), [404, "user_identity_not_found"]);
  for (const spelling of stage.spellings("Account", "listMfaFactors", "listMFAFactors")) {
    assert.equal((await mia[spelling]()).totp, false);
  }
}

async function useToken(stage, mia) {
  const { jwt } = await mia.createJWT();
  const bearer = stage.as((client) => client.setJWT(jwt)).account;
  assert.equal((await bearer.get()).$id, "mia");
  assert.deepEqual(await refusal(bearer.createJWT()), [403, "user_jwt_creation_denied"]);
  const broken = stage.as((client) => client.setJWT("broken")).account;
  assert.deepEqual(await refusal(broken.get()), [401, "user_jwt_invalid"]);
}

async function signOut(stage, mia) {
  const again = () => stage.users.createSession({ userId: "mia" });
  const other = stage.as((client) => client.setSession("")).account;
  await mia.deleteSession({ sessionId: "current" });
  assert.deepEqual(await refusal(mia.get()), [401, "general_unauthorized_scope"]);
  assert.deepEqual(await refusal(other.get()), [401, "general_unauthorized_scope"]);
  for (const end of ["deleteSessions", "updateStatus"]) {
    const { secret } = await again();
    const back = stage.as((client) => client.setSession(secret)).account;
    await back[end]();
    const answer = end === "updateStatus" ? [403, "user_blocked"] : [401, "general_unauthorized_scope"];
    assert.deepEqual(await refusal(back.get()), answer);
  }
}
