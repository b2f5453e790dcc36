// Bytes and their spellings: canonical JSON (RFC 8785, as far as statements need it), hashes, base64, base58, Merkle proofs.
const text = new TextEncoder();
const LARGEST_REFUSAL = 4096;  // bytes of one that we carry on

export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value).filter((name) => value[name] !== undefined && value[name] !== null).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error("no whole number");
  return JSON.stringify(value);
}

export const bytes = (value) => text.encode(value);
export const hex = (data) => [...new Uint8Array(data)].map((each) => each.toString(16).padStart(2, "0")).join("");
export const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
export const digest = async (value) => hex(await sha256(bytes(value)));

export function base64(data) {
  return btoa(String.fromCharCode(...new Uint8Array(data)));
}
export function unbase64(value) {
  return Uint8Array.from(atob(value), (each) => each.charCodeAt(0));
}
export const base64url = (data) => base64(data).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
export function base58(data) {
  let number = 0n;
  for (const each of data) number = number * 256n + BigInt(each);
  let found = "";
  for (; number > 0n; number /= 58n) found = ALPHABET[Number(number % 58n)] + found;
  for (const each of data) { if (each !== 0) break; found = `1${found}`; }
  return found;
}

export function joined(...parts) {
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { made.set(part, at); at += part.length; }
  return made;
}

// RFC 9162 2.1.3.2: whether a leaf is in the tree of `size` leaves with this root.
export async function isIncluded(line, index, size, path, root) {
  if (!(index >= 0 && index < size)) return false;
  let [position, last] = [index, size - 1];
  let node = await sha256(joined(Uint8Array.of(0), bytes(line)));
  const above = (left, right) => sha256(joined(Uint8Array.of(1), left, right));
  for (const sibling of path.map(unbase64)) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      node = await above(sibling, node);
      while (position % 2 === 0 && position !== 0) { position = Math.floor(position / 2); last = Math.floor(last / 2); }
    } else {
      node = await above(node, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && hex(node) === root;
}

// Points of small order, but for the sign: whoever makes one its key, or half of a signature, makes signatures on which
// verifiers differ. They count for nothing here, as for every node.
const SMALL = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];
function isSmall(point) {
  const unsigned = Uint8Array.from(point);
  unsigned[31] &= 0x7f;
  return SMALL.includes(hex(unsigned));
}

// Whether these bytes are this key's signature (key in base64), by the strict rule.
export async function isSigned(key, message, signature) {
  const raw = unbase64(key);
  if (raw.length !== 32 || signature.length !== 64 || isSmall(raw) || isSmall(signature.slice(0, 32))) return false;
  const made = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", made, signature, message);
}

// The same of a signature in base64, of which only the one spelling counts.
export async function isSignedText(key, message, text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]{86}==$/.test(text)) return false;
  const signature = unbase64(text);
  return base64(signature) === text && isSigned(key, message, signature);
}

// The keeper's refusal of the entry with this hash, with the fields that are signed and no other; null if it is none.
export async function refusalOf(terms, arrangement, name, given) {
  if (!given?.head) return null;
  const { size, tree_root, state_root } = given.head;
  const signed = {
    arrangement: given.arrangement, by: given.by, code: given.code, entry: given.entry, head: { size, tree_root, state_root },
    reason: given.reason,
  };
  const texts = [signed.arrangement, signed.by, signed.code, signed.entry, signed.reason, tree_root, state_root];
  if (texts.some((each) => typeof each !== "string") || !Number.isSafeInteger(size)) return null;
  if (signed.entry !== name || signed.by !== terms.keeper || signed.arrangement !== arrangement) return null;
  const refusal = { ...signed, sig: given.sig };
  if (bytes(canonical(refusal)).length > LARGEST_REFUSAL) return null;
  const message = bytes(`armslength/refusal/1\n${canonical(signed)}`);
  return (await isSignedText(terms.actors[terms.keeper].keys.entries, message, given.sig)) ? refusal : null;
}

// Whether a checkpoint (C2SP signed note) is of this head, signed by the keeper and cosigned by enough timekeepers.
export async function isSealed(terms, arrangement, sealed) {
  const [note, lines] = sealed.checkpoint.split("\n\n");
  if (lines === undefined) return false;
  const [origin, size, root] = note.split("\n");
  const head = sealed.head;
  if (origin !== `armslength/1/${arrangement}` || Number(size) !== head.size) return false;
  if (hex(unbase64(root)) !== head.tree_root) return false;
  const signed = lines.split("\n").filter(Boolean).map((line) => line.replace(/^\u2014 /, "").split(" "));
  const verified = (actor, message, signature) => isSigned(terms.actors[actor].keys.checkpoints, message, signature);
  const [, log] = signed[0];
  if (!(await verified(terms.keeper, bytes(`${note}\n`), unbase64(log).slice(4)))) return false;
  const seen = new Set();
  for (const [, blob] of signed.slice(1)) {
    const data = unbase64(blob);
    const time = new DataView(data.buffer).getBigUint64(4);
    const message = bytes(`cosignature/v1\ntime ${time}\n${note}\n`);
    for (const actor of terms.timekeepers.of)
      if (!seen.has(actor) && (await verified(actor, message, data.slice(12)))) { seen.add(actor); break; }
  }
  const { count, including, groups } = terms.timekeepers;
  const from = (group) => [...seen].filter((actor) => terms.actors[actor].group === group).length;
  return seen.size >= count && including.every((actor) => seen.has(actor))
    && Object.entries(groups ?? {}).every(([group, least]) => from(group) >= least);
}
