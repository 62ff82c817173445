// Users, their targets and sessions; those too who bring the hash of their password along.
import assert from "node:assert/strict";
import { refusal } from "../stage.mjs";

const SALTED = {
  createScryptUser: [
    "3fd5e12916ec8226ef2b019ed6bf83a2e34863e1657ba23d3b339f369930a42c",
    { passwordSalt: "salt", passwordCpu: 16, passwordMemory: 8, passwordParallel: 1, passwordLength: 32 },
  ],
  createScryptModifiedUser: [
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    {
      passwordSalt: "42xEC+ixf3L2lw==",
      passwordSaltSeparator: "Bw==",
      passwordSignerKey: "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    },
  ],
};
const HASHES = {
  createArgon2User: ["$argon2id$v=19$m=8,t=1,p=1$Eo6/zabAeSIDC6bsUuySmA$uClyPLHLnEYpghWH9cofOD7iotbhaGwWR2PVx8VdDVI"],
  createBcryptUser: ["$2b$04$BFAev1AaNNiEdLAgqmYa8eF.6dpdnjiFIJpxqrihNidPlNY/MjFQi"],
  createMD5User: ["88e4ddd2402d92d50e1879d6ecd9ffd4"],
  createPHPassUser: ["$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"],
  createSHAUser: ["98decc62ece399a22ed30d490ef333be7fde7385", { passwordVersion: "sha1" }],
  ...SALTED,
};

export async function tell(stage) {
  const { users } = stage;
  for (const [method, [password, more]] of Object.entries(HASHES)) {
    const userId = method.toLowerCase();
    const made = await users[method]({ userId, email: `${userId}@example.org`, password, name: method, ...more });
    assert.deepEqual([made.$id, made.name, made.password], [userId, method, password]);
  }
  await change(stage);
  await signIn(stage);
  await reach(stage);
  await users.delete({ userId: "zoe" });
  assert.deepEqual(await refusal(users.get({ userId: "zoe" })), [404, "user_not_found"]);
}

async function change(stage) {
  const { users } = stage;
  const { Query } = stage.sdk;
  const userId = "zoe";
  const made = await users.create({
    userId,
    email: "Zoe@Example.org",
    phone: "+4917099999999",
    password: "correct horse",
    name: "Zoe",
  });
  assert.deepEqual([made.email, made.targets.length, made.status, made.hash], ["zoe@example.org", 2, true, "argon2"]);
  assert.equal((await users.get({ userId })).$id, userId);
  assert.equal((await users.updateName({ userId, name: "Zoë" })).name, "Zoë");
  assert.equal((await users.updateEmail({ userId, email: "zoe2@example.org" })).email, "zoe2@example.org");
  assert.equal((await users.updatePhone({ userId, number: "+4917088888888" })).phone, "+4917088888888");
  assert.equal((await users.updatePassword({ userId, password: "battery staple" })).$id, userId);
  assert.deepEqual((await users.updateLabels({ userId, labels: ["vip"] })).labels, ["vip"]);
  assert.equal((await users.updateEmailVerification({ userId, emailVerification: true })).emailVerification, true);
  assert.equal((await users.updatePhoneVerification({ userId, phoneVerification: true })).phoneVerification, true);
  assert.equal((await users.updateStatus({ userId, status: false })).status, false);
  assert.equal((await users.updateStatus({ userId, status: true })).status, true);
  assert.deepEqual({ ...(await users.updatePrefs({ userId, prefs: { city: "Bonn" } })) }, { city: "Bonn" });
  assert.deepEqual({ ...(await users.getPrefs({ userId })) }, { city: "Bonn" });
  assert.deepEqual(
    (await users.list({ queries: [Query.contains("labels", ["vip"])], search: "zoe2" })).users.map((each) => each.$id),
    [userId],
  );
  assert.ok((await users.listLogs({ userId })).logs.some((each) => each.event === "user.update"));
  assert.deepEqual({ ...(await users.listMemberships({ userId })) }, { total: 0, memberships: [] });
  assert.deepEqual((await users.listIdentities()).identities, []);
  assert.deepEqual(await refusal(users.deleteIdentity({ identityId: "x" })), [404, "user_identity_not_found"]);
  for (const spelling of stage.spellings("Users", "listMfaFactors", "listMFAFactors")) {
    assert.equal((await users[spelling]({ userId })).totp, false);
  }
  assert.deepEqual(await refusal(users.create({ userId, email: "other@example.org" })), [409, "user_already_exists"]);
}

async function signIn(stage) {
  const { users } = stage;
  const userId = "zoe";
  const session = await users.createSession({ userId });
  assert.equal(session.provider, "server");
  const zoe = stage.as((client) => client.setSession(session.secret));
  assert.equal((await zoe.account.get()).$id, userId);
  const { jwt } = await users.createJWT({ userId, sessionId: session.$id, duration: 600 });
  assert.equal((await stage.as((client) => client.setJWT(jwt)).account.get()).$id, userId);
  assert.deepEqual(
    (await users.listSessions({ userId })).sessions.map((each) => each.$id),
    [session.$id],
  );
  await users.deleteSession({ userId, sessionId: session.$id });
  assert.deepEqual(await refusal(zoe.account.get()), [401, "general_unauthorized_scope"]);
  await users.createSession({ userId });
  await users.deleteSessions({ userId });
  assert.equal((await users.listSessions({ userId })).total, 0);
}

async function reach({ sdk: { ID, MessagingProviderType }, users }) {
  const userId = "zoe";
  const made = await users.createTarget({
    userId,
    targetId: ID.unique(),
    providerType: MessagingProviderType.Push,
    identifier: "token-1",
    name: "Phone",
  });
  const spot = { userId, targetId: made.$id };
  assert.equal((await users.getTarget(spot)).providerType, "push");
  assert.equal((await users.updateTarget({ ...spot, identifier: "token-2" })).identifier, "token-2");
  assert.equal((await users.listTargets({ userId })).total, 3);
  await users.deleteTarget(spot);
  assert.deepEqual(await refusal(users.getTarget(spot)), [404, "user_target_not_found"]);
}
