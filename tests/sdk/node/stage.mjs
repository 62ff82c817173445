// What a story may use: the services of one SDK, each answer held against its declaration, each call noted.
import assert from "node:assert/strict";
import { complaintsAbout } from "./shapes.mjs";

export const SERVICES = ["Messaging", "Storage", "Users", "Account"];

/** The services of one SDK, called with a key. `spots`: {endpoint, project, key, port}, the port of the mail server. */
export class Stage {
  constructor(sdk, files, declarations, spots) {
    Object.assign(this, { sdk, files, spots, checker: declarations.checker });
    this.called = new Set();
    this.absent = new Set(); // what stories found not to be offered
    this.methods = new Map(SERVICES.map((name) => [name, declarations.readService(name)]));
    const ours = this.as((client) => client.setKey(spots.key));
    Object.assign(this, ours);
  }

  /** The services of another caller: `as((client) => client.setSession(secret))`. */
  as(prepare = () => {}) {
    const client = new this.sdk.Client().setEndpoint(this.spots.endpoint).setProject(this.spots.project);
    prepare(client);
    return Object.fromEntries(
      SERVICES.map((name) => [name.toLowerCase(), this.#offer(name, new this.sdk[name](client))]),
    );
  }

  /** Whether the SDK has that method: `has("Messaging", "listTopicLogs")`. */
  has(service, method) {
    return this.methods.get(service).has(method);
  }

  /** Those of the names that the SDK has: newer ones spell some of them twice. */
  spellings(service, ...names) {
    const found = names.filter((name) => this.has(service, name));
    assert.ok(found.length, `${service} has none of ${names}`);
    return found;
  }

  /** Every method of the SDK that no story called. */
  uncalled() {
    return SERVICES.flatMap((service) =>
      Object.getOwnPropertyNames(this.sdk[service].prototype)
        .filter((name) => name !== "constructor" && !this.called.has(`${service}.${name}`))
        .map((name) => `${service}.${name}`),
    );
  }

  #offer(name, service) {
    const get = (_, method) => (given) => this.#call(name, service, method, given ?? {});
    return new Proxy(service, { get });
  }

  async #call(name, service, method, given) {
    const declared = this.methods.get(name).get(method);
    assert.ok(declared, `${name}.${method} is not in this SDK`);
    this.called.add(`${name}.${method}`);
    const answer = await service[method](...argumentsOf(`${name}.${method}`, declared, given));
    const wrong = complaintsAbout(this.checker, answer, declared.result);
    assert.deepEqual(wrong, [], `${name}.${method}: ${wrong.join("; ")}`);
    return answer;
  }
}

/** Older SDKs take parameters by place, and do not know the newest: those are left out. */
function argumentsOf(called, declared, given) {
  if (declared.takesObject) {
    const unknown = Object.keys(given).filter((name) => !declared.names.includes(name));
    assert.deepEqual(unknown, [], `${called} has no ${unknown}`);
    return [given];
  }
  const placed = declared.names.map((name) => given[name]);
  while (placed.length && placed.at(-1) === undefined) placed.pop();
  return placed;
}

/** Code and type of the AppwriteException that the call ends with; it must say something. */
export async function refusal(call) {
  const error = await call.then(
    () => null,
    (reason) => reason,
  );
  assert.ok(error, "nothing was refused");
  assert.equal(error.name, "AppwriteException", error.stack);
  assert.match(error.message, /\S/, "the refusal says nothing");
  return [error.code, error.type];
}
