// The monitor's journal of one arrangement, as every author keeps one: each statement is signed once and stored before it
// is sent; numbers have no gap; what the keeper has refused, by its signature, frees its number, and what followed it is
// signed anew. The key may have been used elsewhere meanwhile: what has left this browser stands as it is, and what has not
// gives way to entries that nodes show; a key that was brought here sends nothing before all were asked (rule 11.4e).
import { base64, bytes, canonical, digest, isIncluded, isSealed, isSignedText, refusalOf } from "./forms.js";
import { sign } from "./keys.js";
import * as store from "./store.js";

const PREFIX = "armslength/entry/1\n";
// void: it never left this browser, and its number was used elsewhere.
export const KEPT = "kept", SENT = "sent", SEALED = "sealed", REFUSED = "refused", VOID = "void";

// Only one tab writes at a time.
export const alone = (work) => navigator.locks.request("armslength-journal", work);

// Change what is known of an arrangement.
export const change = (arrangement, work) => alone(async () => {
  const known = (await store.get("arrangements", arrangement)) ?? {};
  await work(known);
  await store.put("arrangements", arrangement, known);
});

export const isSettled = (me, known) => !me.imported || known.settled === true;

export async function entries(arrangement) {
  const found = (await store.all("journal"))
    .filter((each) => each.entry.arrangement === arrangement && each.status !== VOID);
  return found.sort((one, other) => one.written - other.written);
}

const FEW = 20;  // statements that are written again though nothing but gaps was found the last time

const keyOf = (item) => `${item.entry.arrangement}/${item.name}`;
export const waits = (item) => item.status === KEPT || item.status === SENT;

function nextLink(items, link) {
  const live = items.filter((item) => item.status !== REFUSED);
  const last = live.reduce((best, item) => (best && best.entry.author_seq > item.entry.author_seq ? best : item), null);
  if (!last || last.entry.author_seq < link.number) return link;
  return { number: last.entry.author_seq + 1, prev: last.name };
}

// The keeper's refusals of every entry of ours that had this number.
function refusals(known, items, number) {
  const found = items.filter((item) => item.status === REFUSED).map((item) => ({ number: item.entry.author_seq, refusal: item.refusal }));
  const here = [...found, ...(known.refusals ?? [])].filter((each) => each.number === number);
  return [...new Map(here.map(({ refusal }) => [refusal.entry, refusal])).values()];
}

async function signed(me, entry, written) {
  const name = await digest(canonical(entry));
  const sig = base64(await sign(me.entries, bytes(PREFIX + canonical(entry))));
  return { name, entry, sig, status: KEPT, written };
}

// Sign statements, one entry each, and store them; nothing has been sent when this returns.
export async function write(me, known, bodies) {
  if (!known.head) throw new Error("no sealed head is known");
  const items = await entries(known.arrangement);
  const made = [];
  let link = nextLink(items, known.link);
  let written = items.reduce((most, item) => Math.max(most, item.written + 1), 0);
  for (const body of bodies) {
    const refused = refusals(known, items, link.number);
    const entry = {
      v: 1, arrangement: known.arrangement, author: known.actor, author_seq: link.number, author_prev: link.prev,
      seen: known.head, type: "attest", body, refused: refused.length ? refused : undefined,
    };
    const item = await signed(me, entry, written++);
    made.push(item);
    link = { number: link.number + 1, prev: item.name };
  }
  await store.putAll("journal", made.map((item) => [keyOf(item), item]));
  return made;
}

export const leafOf = (item) => canonical({ entry: item.entry, sig: item.sig, stamps: item.stamps ?? [] });

// Send what waits, in order; whether anything did. `post` takes lines and gives the keeper's answers. A refusal counts with
// the keeper's signature alone: whoever else frees a number would have us sign two entries with it.
export async function send(me, known, post) {
  if (!isSettled(me, known)) return false;
  for (let round = 0; round < 20; round++) {
    const waiting = (await entries(known.arrangement)).filter(waits)
      .sort((one, other) => one.entry.author_seq - other.entry.author_seq);
    if (!waiting.length) return round > 0;
    const keep = () => store.putAll("journal", waiting.map((item) => [keyOf(item), item]));
    for (const item of waiting) item.status = SENT;
    await keep();  // before anything leaves: an answer may be lost
    const answers = new Map((await post(waiting.map((item) => `${leafOf(item)}\n`).join(""))).map((each) => [each.entry, each]));
    const refused = [];
    for (const item of waiting) {
      const answer = answers.get(item.name) ?? {};
      const refusal = await refusalOf(known.terms, known.arrangement, item.name, answer.refusal);
      if (refusal) refused.push(Object.assign(item, { status: REFUSED, refusal }));
      else item.trouble = answer.code ? answer.reason : undefined;
    }
    await keep();
    const again = refused.filter((item) => item.refusal.code === "gap").map((item) => item.entry.body);
    if (!again.length || (refused.length === again.length && again.length > FEW)) return true;
    await write(me, known, again);  // they were refused for what was refused before them
  }
  return true;
}

// Take down what a node shows of ours, `sealed` and not. It is verified here: a node can hide things, and add none.
export async function take(me, known, { sealed, own = {} }) {
  known.link ??= { number: 0, prev: "" };
  if (sealed && sealed.head.size > 0 && (await isSealed(known.terms, known.arrangement, sealed))) {
    if (!known.head || sealed.head.size >= known.head.size) known.head = sealed.head;
    await seen(known, sealed);
  }
  known.refusals = await recalled(me, known, own);
}

// What a head that is sealed covers of ours.
async function seen(known, { head, included }) {
  const items = await entries(known.arrangement);
  for (const each of included ?? []) {
    if (!(await isIncluded(each.leaf, each.index, head.size, each.path ?? [], head.tree_root))) continue;
    const { entry, sig, stamps } = JSON.parse(each.leaf);
    if (entry.author !== known.actor || entry.arrangement !== known.arrangement) continue;
    const name = await digest(canonical(entry));
    const item = items.find((one) => one.name === name) ?? { name, entry, sig, stamps, written: each.index - head.size };
    await store.put("journal", keyOf(item), Object.assign(item, { status: SEALED, index: each.index }));
    if (entry.author_seq >= known.link.number) known.link = { number: entry.author_seq + 1, prev: name };
  }
}

// What a node holds of ours that no seal covers: entries that this browser does not know are ours again, and refusals are
// carried on. Both are verified here.
export async function recalled(me, known, own) {
  const items = new Map((await entries(known.arrangement)).map((item) => [item.name, item]));
  const found = [...(own.refusals ?? [])].filter((each) => each.author === known.actor);
  let written = -(own.waiting ?? []).length;
  for (const line of own.waiting ?? []) {
    const { entry, sig, stamps } = JSON.parse(line);
    if (entry.author !== known.actor || entry.arrangement !== known.arrangement) continue;
    if (!(await isSignedText(me.entries.public, bytes(PREFIX + canonical(entry)), sig))) continue;
    found.push(...(entry.refused ?? []).map((refusal) => ({ number: entry.author_seq, refusal })));
    const name = await digest(canonical(entry));
    if (items.has(name)) continue;
    const item = { name, entry, sig, stamps, status: SENT, written: written++ };
    items.set(name, item);
    await store.put("journal", keyOf(item), item);
  }
  const verified = new Map((known.refusals ?? []).map((each) => [each.refusal.entry, each]));
  for (const { number, refusal: given } of found) {
    const refusal = await refusalOf(known.terms, known.arrangement, given?.entry, given);
    if (!refusal || !Number.isSafeInteger(number)) continue;
    verified.set(refusal.entry, { number, refusal });
    const item = items.get(refusal.entry);
    if (item && waits(item)) await store.put("journal", keyOf(item), Object.assign(item, { status: REFUSED, refusal }));
  }
  return [...verified.values()].filter((each) => each.number >= known.link.number);
}

// What was signed here and never left is void where its number is used elsewhere, or was refused there; so is what follows
// it. It is signed anew.
export async function renew(me, known) {
  const items = await entries(known.arrangement);
  const left = items.filter((item) => item.status !== KEPT && item.status !== REFUSED);
  const used = new Set(left.map((item) => item.entry.author_seq));
  const kept = items.filter((item) => item.status === KEPT)
    .sort((one, other) => one.entry.author_seq - other.entry.author_seq);
  const lacks = (entry) => refusals(known, items, entry.author_seq)
    .some((refusal) => !(entry.refused ?? []).some((each) => each.entry === refusal.entry));
  const first = kept.findIndex(({ entry }) =>
    entry.author_seq < known.link.number || used.has(entry.author_seq) || lacks(entry));
  if (first < 0) return;
  const gone = kept.slice(first);
  for (const item of gone) item.status = VOID;
  await store.putAll("journal", gone.map((item) => [keyOf(item), item]));
  await write(me, known, gone.map((item) => item.entry.body));
}
