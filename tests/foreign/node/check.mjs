// Checks a bundle's signatures and hashes in another language, from the format's description alone:
//
//   node check.mjs DIR
//
// Every leaf is canonical JSON with its author's signature and its timekeepers' stamps; authors' chains have no gap;
// `seen` names trees that were; every seal covers exactly the leaves before it, under the keeper's signature and a
// quorum of cosignatures; receipts prove their leaves; the manifest names every file. What the entries *mean* (the
// state) is not judged here.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { ed25519 } from "@noble/curves/ed25519";

const Point = ed25519.Point ?? ed25519.ExtendedPoint;
const EMPTY = sha256(Buffer.alloc(0));

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
const hex = (bytes) => Buffer.from(bytes).toString("hex");
function must(fact, words) {
  if (!fact) throw new Error(words);
}

// Canonical JSON (RFC 8785) of plain data: strings and integers here, keys in ASCII.
function jcs(value) {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (value !== null && typeof value === "object")
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${jcs(value[key])}`).join(",")}}`;
  must(typeof value !== "number" || Number.isSafeInteger(value), "a number that is no integer");
  return JSON.stringify(value);
}
function without(object, field) {
  const { [field]: _, ...rest } = object;
  return rest;
}
function base64(text, size) {
  const bytes = Buffer.from(text, "base64");
  must(bytes.toString("base64") === text && (size === undefined || bytes.length === size), `not strict base64: ${text}`);
  return bytes;
}

// The strict rule: canonical keys of prime order, no cofactored verification.
const admitted = new Map();
function verify(key, message, signature) {
  const name = hex(key);
  if (!admitted.has(name)) {
    const point = Point.fromHex(name, false);
    admitted.set(name, !point.isSmallOrder() && point.isTorsionFree());
  }
  return admitted.get(name) && ed25519.verify(signature, message, key, { zip215: false });
}

// RFC 6962 over leaf hashes: the complete subtrees so far, largest first.
const node = (left, right) => sha256(Buffer.from([1]), left, right);
const peaks = [];
function append(leaf) {
  let peak = { width: 1, hash: leaf };
  while (peaks.at(-1)?.width === peak.width)
    peak = { width: peak.width * 2, hash: node(peaks.pop().hash, peak.hash) };
  peaks.push(peak);
}
function root() {
  return peaks.map((peak) => peak.hash).reduceRight((right, left) => (right ? node(left, right) : left), null) ?? EMPTY;
}
// RFC 9162 §2.1.3.2.
function included(leaf, index, size, path) {
  let [position, last, found] = [index, size - 1, leaf];
  for (const sibling of path) {
    must(last > 0, "a path that is too long");
    if (position % 2 === 1 || position === last) {
      found = node(sibling, found);
      while (position % 2 === 0 && position !== 0) [position, last] = [position >> 1, last >> 1];
    } else found = node(found, sibling);
    [position, last] = [position >> 1, last >> 1];
  }
  must(last === 0, "a path that is too short");
  return found;
}

function keyId(name, algorithm, key) {
  return sha256(Buffer.from(`${name}\n`), Buffer.from([algorithm]), key).subarray(0, 4);
}
function openNote(text, terms, origin) {
  const cut = text.lastIndexOf("\n\n");
  const body = text.slice(0, cut + 1);
  const lines = text.slice(cut + 2, -1).split("\n");
  const keeper = base64(terms.actors[terms.keeper].keys.checkpoints, 32);
  const cosigners = new Map(terms.timekeepers.of.map((actor) => [terms.actors[actor].did, actor]));
  const times = {};
  lines.forEach((line, position) => {
    const [dash, name, encoded, ...rest] = line.split(" ");
    must(dash === "—" && rest.length === 0, `not a signature line: ${line}`);
    const blob = base64(encoded);
    const [id, signature] = [blob.subarray(0, 4), blob.subarray(4)];
    if (position === 0) {
      must(name === origin && id.equals(keyId(name, 1, keeper)), "the first signature is not the keeper's");
      must(verify(keeper, Buffer.from(body), signature), "the keeper's signature does not fit");
      return;
    }
    const actor = cosigners.get(name);
    must(actor !== undefined && !(actor in times), `no timekeeper, or twice: ${name}`);
    const key = base64(terms.actors[actor].keys.checkpoints, 32);
    const time = signature.readBigUInt64BE(0);
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${body}`);
    must(id.equals(keyId(name, 4, key)) && verify(key, message, signature.subarray(8)), `${actor}'s cosignature does not fit`);
    times[actor] = Number(time);
  });
  must(Object.keys(times).length >= terms.timekeepers.count, "too few cosignatures");
  const [first, size, hash, end, ...more] = body.split("\n");
  must(first === origin && end === "" && more.length === 0 && /^(0|[1-9][0-9]*)$/.test(size), "not a checkpoint");
  return { size: Number(size), root: base64(hash, 32), times };
}

function check(dir) {
  const files = new Map(
    readdirSync(dir, { recursive: true })
      .filter((name) => statSync(join(dir, name)).isFile())
      .map((name) => [name.split(sep).join("/"), readFileSync(join(dir, name))]),
  );
  const parse = (bytes, name) => {
    const value = JSON.parse(bytes);
    must(Buffer.from(jcs(value)).equals(bytes), `${name} is not canonical`);
    return value;
  };
  const terms = parse(files.get("arrangement.json"), "arrangement.json");
  const arrangement = hex(sha256(files.get("arrangement.json")));
  const origin = `armslength/1/${arrangement}`;
  const entryKey = (actor) => base64(terms.actors[actor].keys.entries, 32);
  for (const [id, clause] of Object.entries(terms.clauses))
    must(hex(sha256(files.get(`clauses/${id}.txt`))) === clause.sha256, `clause ${id} is not the signed text`);

  const leaves = [...files.keys()].filter((name) => name.startsWith("record/")).sort()
    .flatMap((name) => files.get(name).toString().slice(0, -1).split("\n"));
  const [hashes, roots, chain, states] = [[], [], new Map(), new Map()];
  const counts = { entries: leaves.length, signatures: 0, stamps: 0, seals: 0, cosignatures: 0, receipts: 0 };
  let last;
  leaves.forEach((line, index) => {
    const { entry, sig, stamps } = parse(Buffer.from(line), `leaf ${index}`);
    const bytes = Buffer.from(jcs(entry));
    const name = hex(sha256(bytes));
    const [number, prev] = chain.get(entry.author) ?? [0, ""];
    must(entry.v === 1 && entry.arrangement === arrangement, `leaf ${index}: of another arrangement`);
    must(entry.author_seq === number && entry.author_prev === prev, `leaf ${index}: breaks its author's chain`);
    must(verify(entryKey(entry.author), Buffer.concat([Buffer.from("armslength/entry/1\n"), bytes]), base64(sig, 64)),
      `leaf ${index}: not signed by ${entry.author}`);
    counts.signatures += 1;
    roots.push(hex(root()));
    must(entry.seen.size <= index && roots[entry.seen.size] === entry.seen.tree_root, `leaf ${index}: saw no such head`);
    const known = states.get(entry.seen.size) ?? entry.seen.state_root;
    must(known === entry.seen.state_root, `leaf ${index}: two states at size ${entry.seen.size}`);
    states.set(entry.seen.size, known);
    for (const { by, time, sig: stamp } of stamps) {
      must(terms.timekeepers.of.includes(by) && by !== entry.author, `leaf ${index}: ${by} may not stamp it`);
      const message = Buffer.from(`armslength/stamp/1\n${jcs({ arrangement, entry: name, time })}`);
      must(verify(entryKey(by), message, base64(stamp, 64)), `leaf ${index}: stamp not signed by ${by}`);
      counts.stamps += 1;
    }
    if (entry.type === "seal") {
      last = openNote(entry.body.checkpoint, terms, origin);
      must(entry.author === terms.keeper && stamps.length === 0, `leaf ${index}: not a seal of the keeper's`);
      must(last.size === index && hex(last.root) === roots[index], `leaf ${index}: seals another record`);
      counts.seals += 1;
      counts.cosignatures += Object.keys(last.times).length;
      last.note = entry.body.checkpoint;
    } else must(stamps.length > 0, `leaf ${index}: without a stamp`);
    chain.set(entry.author, [number + 1, name]);
    hashes.push(sha256(Buffer.from([0]), Buffer.from(line)));
    append(hashes[index]);
  });
  must(files.get("checkpoint").toString() === last.note, "the checkpoint is not the last seal's");
  for (let index = 0; index < last.size; index++) {
    const text = files.get(`receipts/${String(index).padStart(8, "0")}.tlog-proof`).toString();
    const cut = text.indexOf("\n\n");
    const [magic, place, ...path] = text.slice(0, cut).split("\n");
    must(magic === "c2sp.org/tlog-proof@v1" && place === `index ${index}`, `receipt ${index}: wrong head`);
    must(text.slice(cut + 2) === last.note, `receipt ${index}: another checkpoint`);
    const found = included(hashes[index], index, last.size, path.map((line) => base64(line, 32)));
    must(found.equals(last.root), `receipt ${index}: does not prove its leaf`);
    counts.receipts += 1;
  }
  const manifest = parse(files.get("manifest.json"), "manifest.json");
  files.delete("manifest.json");
  const named = Object.fromEntries([...files].map(([name, bytes]) => [name, hex(sha256(bytes))]));
  must(jcs(named) === jcs(manifest.files), "the manifest names other files");
  const message = Buffer.from(`armslength/manifest/1\n${jcs(without(manifest, "sig"))}`);
  must(verify(entryKey(manifest.exporter), message, base64(manifest.sig, 64)), "the manifest is not its exporter's");
  return { arrangement, ...counts, root: hex(last.root), size: last.size };
}

try {
  must(process.argv.length === 3, "usage: node check.mjs DIR");
  console.log(JSON.stringify(check(process.argv[2])));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
