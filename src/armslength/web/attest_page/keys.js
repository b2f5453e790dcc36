// The monitor's two keys: one signs statements, one signs the tokens by which the node knows whom it talks to. Private keys
// stay in this browser's key store and cannot be read out of it; a copy is made when they are, under a passphrase.
import { base58, base64, base64url, bytes, joined, unbase64 } from "./forms.js";

const NAME = { name: "Ed25519" };
const ITERATIONS = 600_000;
const LIFE = 300;

async function stored(pkcs8, publicKey) {
  const secret = await crypto.subtle.importKey("pkcs8", pkcs8, NAME, false, ["sign"]);
  return { secret, public: publicKey };
}

async function identity(name, parts) {
  const tokens = await stored(parts.tokens.pkcs8, parts.tokens.public);
  const entries = await stored(parts.entries.pkcs8, parts.entries.public);
  const did = `did:key:z${base58(joined(Uint8Array.of(0xed, 0x01), unbase64(tokens.public)))}`;
  return { name, did, entries, tokens };
}

// New keys, and their raw parts, which the caller drops once a copy has been made or refused.
export async function made(name) {
  const parts = {};
  for (const role of ["entries", "tokens"]) {
    const pair = await crypto.subtle.generateKey(NAME, true, ["sign", "verify"]);
    parts[role] = {
      pkcs8: await crypto.subtle.exportKey("pkcs8", pair.privateKey),
      public: base64(await crypto.subtle.exportKey("raw", pair.publicKey)),
    };
  }
  return { me: await identity(name, parts), parts };
}

async function wrapping(passphrase, salt) {
  const base = await crypto.subtle.importKey("raw", bytes(passphrase), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ITERATIONS };
  return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

export async function copy(name, parts, passphrase) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = bytes(JSON.stringify({
    name,
    entries: { pkcs8: base64(parts.entries.pkcs8), public: parts.entries.public },
    tokens: { pkcs8: base64(parts.tokens.pkcs8), public: parts.tokens.public },
  }));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await wrapping(passphrase, salt), plain);
  return JSON.stringify({ armslength: "monitor-key/1", salt: base64(salt), iv: base64(iv), sealed: base64(sealed) });
}

export async function imported(text, passphrase) {
  const kept = JSON.parse(text);
  const key = await wrapping(passphrase, unbase64(kept.salt));
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: unbase64(kept.iv) }, key, unbase64(kept.sealed));
  const found = JSON.parse(new TextDecoder().decode(plain));
  const part = (role) => ({ pkcs8: unbase64(found[role].pkcs8), public: found[role].public });
  const me = await identity(found.name, { entries: part("entries"), tokens: part("tokens") });
  return { ...me, imported: true };
}

export const sign = async (key, data) => new Uint8Array(await crypto.subtle.sign(NAME, key.secret, data));

// The bearer token for one node, at its own address, and for nobody else.
export async function token(me, node) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "EdDSA", typ: "armslength+jwt", kid: `${me.did}#tokens` };
  const claims = {
    iss: me.did, aud: node.did, at: node.address, iat: now, exp: now + LIFE,
    jti: base64url(crypto.getRandomValues(new Uint8Array(16))),
  };
  const signed = [header, claims].map((each) => base64url(bytes(JSON.stringify(each)))).join(".");
  return `${signed}.${base64url(await sign(me.tokens, bytes(signed)))}`;
}

export function card(me) {
  const quoted = JSON.stringify(me.name);
  return `name: ${quoted}\ndid: ${me.did}\nkeys:\n  entries: ${me.entries.public}\n  tokens: ${me.tokens.public}\n`;
}
