// A visitor of a page on another host, where the browser sends no cookie: the SDK keeps the session itself.
import { OUT, PASSWORD, openServices, refusal, same } from "./page.mjs";

export async function visitElsewhere(spots) {
  const page = openServices(spots);
  const { account, client, notes } = page;
  await account.create({ userId: "otto", email: "otto@example.org", password: PASSWORD });
  const wrong = account.createEmailPasswordSession({ email: "otto@example.org", password: "wrong horse" });
  same(await refusal(wrong), [401, "user_invalid_credentials"]);
  await account.createEmailPasswordSession({ email: "otto@example.org", password: PASSWORD });
  const kept = localStorage.getItem("cookieFallback");
  same(Object.keys(JSON.parse(kept)), [`a_session_${spots.project}`]);
  same((await account.get()).$id, "otto");

  const { jwt } = await account.createJWT();
  localStorage.removeItem("cookieFallback");
  same(await refusal(account.get()), OUT);
  client.setJWT(jwt);
  same((await account.get()).$id, "otto");
  same(await refusal(account.createJWT()), [403, "user_jwt_creation_denied"]);
  localStorage.setItem("cookieFallback", kept);
  same(await refusal(account.get()), [403, "user_jwt_and_cookie_set"]);

  const again = openServices(spots).account;
  await again.deleteSession({ sessionId: "current" });
  same(localStorage.getItem("cookieFallback"), "{}");
  same(await refusal(again.get()), OUT);
  return notes;
}
