// Bytes and their spellings: canonical JSON (RFC 8785, as far as statements need it), hashes, base64, base58, Merkle proofs.
const text = new TextEncoder();

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
export const unhex = (value) => Uint8Array.from(value.match(/../g) ?? [], (pair) => parseInt(pair, 16));
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

// Whether a checkpoint (C2SP signed note) is of this head, signed by the keeper and cosigned by enough timekeepers.
export async function isSealed(terms, arrangement, sealed) {
  const [note, lines] = sealed.checkpoint.split("\n\n");
  if (lines === undefined) return false;
  const [origin, size, root] = note.split("\n");
  const head = sealed.head;
  if (origin !== `armslength/1/${arrangement}` || Number(size) !== head.size) return false;
  if (hex(unbase64(root)) !== head.tree_root) return false;
  const signed = lines.split("\n").filter(Boolean).map((line) => line.replace(/^\u2014 /, "").split(" "));
  const verified = async (actor, message, signature) => {
    const key = await crypto.subtle.importKey(
      "raw", unbase64(terms.actors[actor].keys.checkpoints), "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", key, signature, message);
  };
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
  const { count, including } = terms.timekeepers;
  return seen.size >= count && including.every((actor) => seen.has(actor));
}
