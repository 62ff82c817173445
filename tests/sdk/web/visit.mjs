// A visitor of a page on the API's own host: the browser keeps the session in a cookie.
import { refuseAbsent } from "./absent.mjs";
import { OUT, PASSWORD, openServices, refusal, same } from "./page.mjs";

const { ID, Permission, Role, ImageFormat, ImageGravity, Query } = window.Appwrite;

export async function visit(spots) {
  const page = openServices(spots);
  const me = await signUp(page);
  await changeMyself(page);
  await look(page);
  await subscribe(page, spots);
  await keepFiles(page, spots, me);
  await refuseAbsent(page);
  await leave(page);
  return page.notes;
}

async function signUp({ account }) {
  const me = await account.create({ userId: ID.unique(), email: "vera@example.org", password: PASSWORD, name: "Vera" });
  same([me.name, me.email], ["Vera", "vera@example.org"]);
  same(await refusal(account.get()), OUT);
  const session = await account.createEmailPasswordSession({ email: "vera@example.org", password: PASSWORD });
  same([session.userId, session.secret, session.clientName.includes("Chrom")], [me.$id, "", true]);
  same((await account.get()).$id, me.$id);
  same([document.cookie, localStorage.getItem("cookieFallback")], ["", null]); // scripts see nothing of the session
  return me;
}

async function changeMyself({ account }) {
  same((await account.updateName({ name: "Vera V" })).name, "Vera V");
  same((await account.updateEmail({ email: "vera2@example.org", password: PASSWORD })).email, "vera2@example.org");
  same((await account.updatePhone({ phone: "+4917055555555", password: PASSWORD })).phone, "+4917055555555");
  await account.updatePassword({ password: "battery staple", oldPassword: PASSWORD });
  await account.updatePassword({ password: PASSWORD, oldPassword: "battery staple" });
  same((await account.updatePrefs({ prefs: { city: "Kiel" } })).prefs, { city: "Kiel" });
  same(await account.getPrefs(), { city: "Kiel" });
}

async function look({ account }) {
  same((await account.listSessions()).total, 1);
  const session = await account.getSession({ sessionId: "current" });
  same((await account.updateSession({ sessionId: session.$id })).current, true);
  same((await account.listLogs()).logs.at(-1).event, "user.create");
  same((await account.listIdentities()).identities, []);
  same(await refusal(account.deleteIdentity({ identityId: "x" })), [404, "user_identity_not_found"]);
  same([(await account.listMfaFactors()).totp, (await account.listMFAFactors()).totp], [false, false]);
  same((await account.createJWT({ duration: 60 })).jwt.split(".").length, 3);
}

async function subscribe({ account, messaging }, { topicId }) {
  const target = await account.createPushTarget({ targetId: ID.unique(), identifier: "device-1" });
  same([target.providerType, target.identifier], ["push", "device-1"]);
  const targetId = target.$id;
  same((await account.updatePushTarget({ targetId, identifier: "device-2" })).identifier, "device-2");
  const subscriber = await messaging.createSubscriber({ topicId, subscriberId: ID.unique(), targetId });
  same([subscriber.targetId, subscriber.userName], [targetId, "Vera V"]);
  const closed = messaging.createSubscriber({ topicId: "staff", subscriberId: ID.unique(), targetId });
  same(await refusal(closed), [401, "user_unauthorized"]);
  await messaging.deleteSubscriber({ topicId, subscriberId: subscriber.$id });
  await account.deletePushTarget({ targetId });
  same(await refusal(account.updatePushTarget({ targetId, identifier: "x" })), [404, "user_target_not_found"]);
}

async function keepFiles({ storage }, { bucketId }, me) {
  const permissions = ["read", "update", "delete"].map((may) => Permission[may](Role.user(me.$id)));
  const spot = { bucketId, fileId: "picture" };
  const made = await storage.createFile({ ...spot, file: await drawPicture(), permissions });
  same([made.name, made.mimeType, made.$permissions], ["dot.png", "image/png", permissions]);
  same((await storage.getFile(spot)).signature, made.signature);
  same((await storage.updateFile({ ...spot, name: "point.png" })).name, "point.png");
  same((await storage.listFiles({ bucketId, queries: [Query.equal("name", "point.png")] })).total, 1);
  same(await widthOf(await storage.getFileView(spot)), 8);
  const look = { width: 32, height: 16, gravity: ImageGravity.Center, output: ImageFormat.Webp };
  same(await widthOf(await storage.getFilePreview({ ...spot, ...look })), 32);
  const answer = await fetch(await storage.getFileDownload(spot), { credentials: "include" });
  same([answer.status, (await answer.blob()).size], [200, made.sizeOriginal]);
  await storage.deleteFile(spot);
  same(await refusal(storage.getFile(spot)), [404, "storage_file_not_found"]);

  const steps = [];
  const large = new File([new Uint8Array(5 * 1024 * 1024 + 1)], "large.bin");
  const whole = await storage.createFile({
    bucketId,
    fileId: "large",
    file: large,
    permissions,
    onProgress: (step) => steps.push(step.progress),
  });
  same([whole.chunksTotal, whole.chunksUploaded, whole.sizeOriginal, steps.at(-1)], [2, 2, large.size, 100]);
}

async function drawPicture() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  canvas.getContext("2d").fillRect(0, 0, 4, 4);
  return new File([await new Promise((done) => canvas.toBlob(done))], "dot.png");
}

/** How wide a picture is that the browser loads as pages load pictures: with its cookies. */
async function widthOf(address) {
  const image = Object.assign(new Image(), { src: address });
  await image.decode();
  return image.naturalWidth;
}

async function leave({ account }) {
  const signIn = () => account.createEmailPasswordSession({ email: "vera2@example.org", password: PASSWORD });
  await account.deleteSession({ sessionId: "current" });
  same(await refusal(account.get()), OUT);
  await signIn();
  same(await refusal(signIn()), [401, "user_session_already_exists"]);
  await account.deleteSessions();
  same(await refusal(account.get()), OUT);
  await signIn();
  same((await account.updateStatus()).status, false);
  same(await refusal(account.get()), OUT);
  same(await refusal(signIn()), [403, "user_blocked"]);
}
