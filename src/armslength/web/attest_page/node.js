// The node that serves this page: what is asked of it, with the monitor's own token.
import { canonical, digest } from "./forms.js";
import { token } from "./keys.js";
import * as journal from "./journal.js";
import * as store from "./store.js";

const BASE = new URL("../armslength/1", location.href).pathname;
const HERE = new URL("./", location.href).pathname;

async function asked(url, options = {}) {
  const answer = await fetch(url, { cache: "no-store", ...options });
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.reason ?? `the node answers ${answer.status}`), { status: answer.status });
}

export class Connection {
  constructor(me, node) { this.me = me; this.node = node; }

  static async open(me) {
    const node = await asked(`${HERE}node`);
    const address = new URL("..", location.href).href.replace(/\/$/, "");
    const [authority, ...path] = address.split("://")[1].split("/");
    const did = ["did:web", authority.replace(":", "%3A"), ...path].join(":");
    if (node.did !== did || node.address !== address)  // a token for another node would be good there
      throw Object.assign(new Error(`this page is at ${address}, and its node says it is at ${node.address}`), { status: 421 });
    return new Connection(me, node);
  }

  async get(path) {
    return asked(path, { headers: { Authorization: `Bearer ${await token(this.me, this.node)}` } });
  }

  async post(path, body) {
    const headers = { Authorization: `Bearer ${await token(this.me, this.node)}`, "Content-Type": "application/jsonl" };
    return asked(path, { method: "POST", headers, body });
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
      await journal.alone(async () => {
        const known = (await store.get("arrangements", arrangement)) ?? {};
        await store.put("arrangements", arrangement, { ...known, arrangement, terms, texts, actor });
      });
    }
  }

  // Where one arrangement stands, and what of ours is on record or on its way.
  async look(known) {
    const waiting = (await journal.entries(known.arrangement))
      .filter((item) => item.status !== journal.SEALED && item.status !== journal.REFUSED);
    const query = new URLSearchParams([["author", known.actor], ...waiting.slice(0, 100).map((item) => ["entry", item.name])]);
    const sealed = await this.get(`${BASE}/head/${known.arrangement}?${query}`);
    known.link = await journal.seen(known, sealed);
    known.head = sealed.head;
    known.refusals = await journal.recalled(this.me, known, await this.get(`${BASE}/own/${known.arrangement}`));
    known.questions = await this.get(`${HERE}questions/${known.arrangement}`);
    known.at = Math.floor(Date.now() / 1000);
    await store.put("arrangements", known.arrangement, known);
  }

  async send(known) {
    await journal.renew(this.me, known);
    return journal.send(this.me, known, async (lines) =>
      (await this.post(`${HERE}submit/${known.arrangement}`, lines)).answers);
  }
}
