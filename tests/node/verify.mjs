// Reads lines of {"library", "secret", "headers", "body"} (body in base64) and answers each with
// the event it accepts, or null. `document` is the receiver of docs/webhooks.md.
import { createInterface } from "node:readline";

const libraries = {
  standardwebhooks: async () => {
    const { Webhook } = await import("standardwebhooks");
    return (secret, headers, body) => accepted(() => new Webhook(secret).verify(body, headers), body);
  },
  svix: async () => {
    const { Webhook } = await import("svix");
    return (secret, headers, body) => accepted(() => new Webhook(secret).verify(body, headers), body);
  },
  document: async () => (await import(process.argv[2])).receive,
};

function accepted(verify, body) {
  try {
    verify();
  } catch {
    return null;
  }
  return JSON.parse(body);
}

const loaded = {};
for await (const line of createInterface({ input: process.stdin })) {
  const { library, secret, headers, body } = JSON.parse(line);
  loaded[library] ??= await libraries[library]();
  console.log(JSON.stringify(loaded[library](secret, headers, Buffer.from(body, "base64")) ?? null));
}
