// What every visit to the page needs: the services of the web SDK, each call and each answer noted.
const { Client, Account, Messaging, Storage } = window.Appwrite;

/** `spots`: {endpoint, project}. Answers and refusals gather in `answers` and `called`. */
export function openServices(spots) {
  const client = new Client().setEndpoint(spots.endpoint).setProject(spots.project);
  const notes = { answers: [], called: [] };
  const offer = (service, made) =>
    new Proxy(made, {
      get:
        (_, method) =>
        async (...given) => {
          notes.called.push(`${service}.${method}`);
          const answer = await made[method](...given);
          notes.answers.push({ service, method, answer });
          return answer;
        },
    });
  const services = {
    account: offer("account", new Account(client)),
    messaging: offer("messaging", new Messaging(client)),
    storage: offer("storage", new Storage(client)),
  };
  return { client, notes, ...services };
}

/** Whether both are the same as JSON; the error says what they are. */
export function same(actual, expected) {
  const [is, should] = [actual, expected].map((each) => JSON.stringify(each));
  if (is !== should) throw new Error(`It is ${is}, not ${should}.`);
}

/** Code and type of the AppwriteException that the call ends with. */
export async function refusal(call) {
  const error = await call.then(
    () => null,
    (reason) => reason,
  );
  if (error?.name !== "AppwriteException" || !error.message) throw error ?? new Error("Nothing was refused.");
  return [error.code, error.type];
}

export const OUT = [401, "general_unauthorized_scope"];
export const PASSWORD = "correct horse";
