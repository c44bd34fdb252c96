// Manages keys with types that were generated from the served document. The compiler holds every line against them.

import createClient from "openapi-fetch";
import type { paths } from "./document";

const { ORIGIN, TOKEN } = process.env;
const client = createClient<paths>({ baseUrl: ORIGIN, headers: { authorization: `Bearer ${TOKEN}` } });
const api = "product-api";

function sure<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(what);
  return value;
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const keys = "/v1/apis/{api}/api-keys";
const one = `${keys}/{id}` as const;
const body = { name: "generated", permissions: ["tasks:read"] };
const made = sure((await client.POST(keys, { params: { path: { api } }, body })).data, "made");
const key = sure(made.key, "a key");

const page = sure((await client.GET(keys, { params: { path: { api }, query: { name: "gen", limit: 5 } } })).data, "list");
expect(page.data.length === 1 && page.data[0]?.id === made.id && !page.has_more, "the key is listed");

const at = { path: { api, id: made.id } };
const tag = sure((await client.GET(one, { params: at })).response.headers.get("etag"), "a tag");
const header = { "If-Match": tag };
const changed = sure((await client.PATCH(one, { params: { ...at, header }, body: { name: "changed" } })).data, "changed");
expect(changed.name === "changed" && changed.expires_at === null, "the key is changed");
const stale = await client.PATCH(one, { params: { ...at, header }, body: { name: "again" } });
expect(stale.response.status === 412 && sure(stale.error, "a problem").code === "precondition_failed", "the state is old");

const rotate = `${one}/rotate` as const;
const next = sure((await client.POST(rotate, { params: at, body: { overlap: "24h" } })).data, "rotated");
expect(next.replaces === made.id, "the new key takes the old one's place");
const ended = sure((await client.DELETE(one, { params: { path: { api, id: next.id } } })).data, "ended");
expect(ended.status === "revoked", "the key is ended");

// @ts-expect-error: a name is text.
const wrong = await client.POST(keys, { params: { path: { api } }, body: { name: 5 } });
expect(sure(wrong.error, "a problem").errors?.[0]?.field === "name", "the field that is wrong is named");

console.log(key, sure(next.key, "a new key"));
