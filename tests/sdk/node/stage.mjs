// What a story may use: the services of one SDK, each answer held against its declaration, each call noted.
import assert from "node:assert/strict";
import { complaintsAbout } from "./shapes.mjs";

export const SERVICES = ["Messaging", "Storage", "Users", "Account"];

/** The services of one SDK. `spots` says where: {endpoint, project, key, …}; stories read it too. */
export class Stage {
  constructor(sdk, files, declarations, spots) {
    Object.assign(this, { sdk, files, spots, checker: declarations.checker });
    this.called = new Set();
    this.methods = new Map(SERVICES.map((name) => [name, declarations.readService(name)]));
    Object.assign(this, this.as((client) => client.setKey(spots.key)));
  }

  /** The services of another caller: `as((client) => client.setSession(secret))`. */
  as(prepare = () => {}) {
    const client = new this.sdk.Client().setEndpoint(this.spots.endpoint).setProject(this.spots.project);
    prepare(client);
    return Object.fromEntries(SERVICES.map((name) => [name.toLowerCase(), this.#offer(name, new this.sdk[name](client))]));
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
        .map((name) => `${service}.${name}`));
  }

  #offer(name, service) {
    return new Proxy(service, { get: (_, method) => (given = {}) => this.#call(name, service, method, given) });
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
  const error = await call.then(() => null, (reason) => reason);
  assert.ok(error, "nothing was refused");
  assert.equal(error.name, "AppwriteException", error.stack);
  assert.ok(error.message, "the refusal says nothing");
  return [error.code, error.type];
}
