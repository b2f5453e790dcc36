// What was said with this key elsewhere. This browser's journal does not know it, and the node that serves the page may hide
// it; so every timekeeper of the terms is asked for it, at its own address, before anything leaves (rule 11.4e). Nobody can
// name others in their place: what is signed names the hash of the terms in which they stand.
import * as journal from "./journal.js";
import { Connection } from "./node.js";

const DAY = 86400;
const now = () => Math.floor(Date.now() / 1000);

export function timekeepers({ terms, actor }) {
  return terms.timekeepers.of.filter((name) => name !== actor && terms.actors[name].address);
}

async function shown(me, known, name) {
  try {
    return await new Connection(me, known.terms.actors[name]).shown(known);
  } catch (error) {
    if (error.status === 404 && error.code) return {};  // it is not engaged, and so has nothing of ours
    throw error;
  }
}

// Ask them all. A key that was brought here is settled in an arrangement once all have answered.
export async function ask(me, known) {
  const names = timekeepers(known);
  const answers = await Promise.allSettled(names.map((name) => shown(me, known, name)));
  await journal.change(known.arrangement, async (present) => {
    const silent = [];
    for (const [at, name] of names.entries()) {
      try {
        if (answers[at].status === "rejected") throw answers[at].reason;
        await journal.take(me, present, answers[at].value);
      } catch {
        silent.push(name);
      }
    }
    present.asked = { since: present.asked?.since ?? now(), silent };
    if (!silent.length) present.settled = true;
  });
}

// Whether one may go on without those that are silent: after a day, with the keeper, and with so many others that every
// quorum has one of them.
export function mayGoOn(known) {
  const names = timekeepers(known), { since, silent } = known.asked ?? { since: Infinity, silent: [] };
  const { of, count } = known.terms.timekeepers, least = Math.min(names.length, Math.max(1, of.length - count + 1));
  return now() - since >= DAY && !silent.includes(known.terms.keeper) && names.length - silent.length >= least;
}

export const goOn = ({ arrangement }) => journal.change(arrangement, (known) => { if (mayGoOn(known)) known.settled = true; });
