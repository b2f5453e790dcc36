// A node: what is asked of it, with a token of the monitor's that is good there alone.
import { canonical, digest, joined } from "./forms.js";
import { token } from "./keys.js";
import * as journal from "./journal.js";
import * as store from "./store.js";

const BASE = "/armslength/1", PAGE = "/attest";
const PATIENCE = 20_000;  // milliseconds for one answer
const LARGEST = 16 * 1024 * 1024;  // bytes of one

// The one node at an address.
function didOf(address) {
  const [authority, ...path] = address.split("://")[1].split("/");
  return ["did:web", authority.replace(":", "%3A"), ...path].join(":");
}

async function bounded(answer) {
  const reader = answer.body.getReader(), parts = [];
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return JSON.parse(new TextDecoder().decode(joined(...parts)));
    parts.push(value);
    size += value.length;
    if (size > LARGEST) { await reader.cancel(); throw new Error("an answer that is too long"); }
  }
}

// Raises an error with a `status` where something answers, and with a `code` where that is a node.
async function asked(url, options = {}) {
  const answer = await fetch(url, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(PATIENCE), ...options });
  if (answer.ok) return bounded(answer);
  const told = await bounded(answer).catch(() => ({}));
  const error = new Error(told.reason ?? `the node answers ${answer.status}`);
  throw Object.assign(error, { status: answer.status, code: told.code });
}

export class Connection {
  // `node`: its DID, and the address that is this DID's own.
  constructor(me, { did, address }) {
    if (didOf(address) !== did)  // a token for another node would be good there
      throw Object.assign(new Error(`${address} is not the address of ${did}`), { status: 421 });
    this.me = me;
    this.node = { did, address };
  }

  // To the node that serves this page.
  static async open(me) {
    const address = new URL("..", location.href).href.replace(/\/$/, "");
    const node = await asked(`${address}${PAGE}/node`);
    if (node.address !== address)
      throw Object.assign(new Error(`this page is at ${address}, and its node says it is at ${node.address}`), { status: 421 });
    return new Connection(me, node);
  }

  async get(path) {
    const headers = { Authorization: `Bearer ${await token(this.me, this.node)}` };
    return asked(`${this.node.address}${path}`, { headers });
  }

  async post(path, body) {
    const headers = { Authorization: `Bearer ${await token(this.me, this.node)}`, "Content-Type": "application/jsonl" };
    return asked(`${this.node.address}${path}`, { method: "POST", headers, body });
  }

  // The arrangements here that name us with our keys. What names them is computed here, from the very text.
  async arrangements() {
    const found = await this.get(`${BASE}/arrangements?from=`);
    for (const proposal of found.arrangements) {
      const terms = JSON.parse(proposal.document);
      const actor = Object.keys(terms.actors).find((name) =>
        terms.actors[name].did === this.me.did && terms.actors[name].keys?.entries === this.me.entries.public);
      if (!actor || canonical(terms) !== proposal.document) continue;
      const arrangement = await digest(proposal.document);
      const texts = {};
      for (const [clause, text] of Object.entries(proposal.texts))
        if ((await digest(text)) === terms.clauses[clause]?.sha256) texts[clause] = text;
      await journal.change(arrangement, (known) => Object.assign(known, { arrangement, terms, texts, actor }));
    }
  }

  // What this node has of ours: under its last seal, and outside it.
  async shown({ arrangement, actor }) {
    const waiting = (await journal.entries(arrangement))
      .filter((item) => item.status !== journal.SEALED && item.status !== journal.REFUSED);
    const query = new URLSearchParams([["author", actor], ...waiting.slice(0, 100).map((item) => ["entry", item.name])]);
    const sealed = await this.get(`${BASE}/head/${arrangement}?${query}`);
    return { sealed, own: await this.get(`${BASE}/own/${arrangement}`) };
  }

  // Where one arrangement stands, and what of ours is on record or on its way.
  async look(known) {
    const shown = await this.shown(known);
    const questions = await this.get(`${PAGE}/questions/${known.arrangement}`);
    await journal.change(known.arrangement, async (present) => {
      await journal.take(this.me, present, shown);
      present.questions = questions;
    });
  }

  // Send what waits; whether anything did.
  async send(known) {
    const post = async (lines) => (await this.post(`${PAGE}/submit/${known.arrangement}`, lines)).answers;
    return journal.alone(async () => {
      const present = await store.get("arrangements", known.arrangement);
      await journal.renew(this.me, present);
      return journal.send(this.me, present, post);
    });
  }
}
