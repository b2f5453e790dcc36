// The monitor's journal of one arrangement, as every author keeps one: each statement is signed once and stored before it
// is sent; numbers have no gap; what was refused frees its number, and what followed it is signed anew.
import { base64, bytes, canonical, digest, isIncluded, isSealed } from "./forms.js";
import { sign } from "./keys.js";
import * as store from "./store.js";

const PREFIX = "armslength/entry/1\n";
export const KEPT = "kept", SENT = "sent", SEALED = "sealed", REFUSED = "refused";

// Only one tab writes at a time.
export const alone = (work) => navigator.locks.request("armslength-journal", work);

export async function entries(arrangement) {
  const found = (await store.all("journal")).filter((each) => each.entry.arrangement === arrangement);
  return found.sort((one, other) => one.written - other.written);
}

const keyOf = (item) => `${item.entry.arrangement}/${item.name}`;
const waits = (item) => item.status === KEPT || item.status === SENT;

function nextLink(items, link) {
  const live = items.filter((item) => item.status !== REFUSED);
  const last = live.reduce((best, item) => (best && best.entry.author_seq > item.entry.author_seq ? best : item), null);
  if (!last || last.entry.author_seq < link.number) return link;
  return { number: last.entry.author_seq + 1, prev: last.name };
}

async function signed(me, entry, written) {
  const name = await digest(canonical(entry));
  const sig = base64(await sign(me.entries, bytes(PREFIX + canonical(entry))));
  return { name, entry, sig, status: KEPT, written };
}

// Sign statements, one entry each, and store them; nothing has been sent when this returns.
export async function write(me, known, bodies) {
  const items = await entries(known.arrangement);
  const made = [];
  let link = nextLink(items, known.link);
  let written = items.reduce((most, item) => Math.max(most, item.written + 1), 0);
  for (const body of bodies) {
    const refused = items
      .filter((item) => item.status === REFUSED && item.entry.author_seq === link.number)
      .map((item) => item.refusal);
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

// Send what waits, in order. `post` takes lines and gives the keeper's answers.
export async function send(me, known, post) {
  for (let round = 0; round < 20; round++) {
    const waiting = (await entries(known.arrangement)).filter(waits)
      .sort((one, other) => one.entry.author_seq - other.entry.author_seq);
    if (!waiting.length) return;
    const answers = await post(waiting.map((item) => `${leafOf(item)}\n`).join(""));
    const refused = [];
    for (const [place, item] of waiting.entries()) {
      const answer = answers[place] ?? {};
      if (answer.refusal) refused.push(Object.assign(item, { status: REFUSED, refusal: answer.refusal }));
      else if (!answer.code) item.status = SENT;
      else item.trouble = answer.reason;
    }
    await store.putAll("journal", waiting.map((item) => [keyOf(item), item]));
    const again = refused.filter((item) => item.refusal.code === "gap").map((item) => item.entry.body);
    if (!again.length || refused.length === again.length) return;
    await write(me, known, again);  // they were refused for what was refused before them
  }
}

// What a node shows to be in a sealed head: verified here, seal and inclusion both. Where our entries end in it.
export async function seen(known, sealed) {
  let link = known.link ?? { number: 0, prev: "" };
  if (sealed.head.size === 0 || !(await isSealed(known.terms, known.arrangement, sealed))) return link;
  const items = await entries(known.arrangement);
  for (const each of sealed.included ?? []) {
    const { head } = sealed;
    if (!(await isIncluded(each.leaf, each.index, head.size, each.path ?? [], head.tree_root))) continue;
    const { entry } = JSON.parse(each.leaf);
    const name = await digest(canonical(entry));
    const item = items.find((one) => one.name === name);
    if (item) await store.put("journal", keyOf(item), Object.assign(item, { status: SEALED, index: each.index }));
    if (entry.author === known.actor && entry.author_seq >= link.number)
      link = { number: entry.author_seq + 1, prev: name };
  }
  return link;
}

// Entries of ours that no seal covers and that this browser does not know: they are ours again.
export async function recalled(known, lines) {
  const items = new Set((await entries(known.arrangement)).map((item) => item.name));
  let written = -lines.length;
  for (const line of lines) {
    const { entry, sig, stamps } = JSON.parse(line);
    if (entry.author !== known.actor || entry.arrangement !== known.arrangement) continue;
    const name = await digest(canonical(entry));
    if (items.has(name)) continue;
    const item = { name, entry, sig, stamps, status: SENT, written: written++ };
    await store.put("journal", keyOf(item), item);
  }
}
