// The page itself. It draws what is known, and does three things: makes or imports a key, signs, and sends.
import { named, say } from "./words.js";
import { canonical } from "./forms.js";
import * as asking from "./asking.js";
import * as elsewhere from "./elsewhere.js";
import * as journal from "./journal.js";
import * as keys from "./keys.js";
import { Connection } from "./node.js";
import * as store from "./store.js";

const main = document.getElementById("main"), where = document.getElementById("where");
let me = null, connection = null, fresh = null, trouble = "";

function element(tag, fields = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name === "on") made.addEventListener(...value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined));
  return made;
}
const button = (text, work, more = {}) => element("button", { type: "button", on: ["click", work], ...more }, text);
const section = (title, ...inside) => element("section", {}, element("h2", {}, title), ...inside);
const soft = (text) => element("p", { className: "soft" }, text);
const moment = (at) => `${new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ").replaceAll("-", "\u2011")} UTC`;
const shut = (key, title, fields, ...inside) =>
  element("details", { "data-key": key, ...fields }, element("summary", {}, title), ...inside);

function saved(name, text, kind) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function field(label, fields) {
  const input = element("input", fields);
  return [element("label", {}, label, input), input];
}

function beginning() {
  const [nameLabel, name] = field(say("name"), { autocomplete: "name", maxLength: 200 });
  const [fileLabel, file] = field(say("file"), { type: "file" });
  const [wordLabel, word] = field(say("passphrase"), { type: "password", autocomplete: "current-password" });
  const told = element("p", { className: "note", hidden: true, role: "alert" });
  const make = async () => {
    if (!name.value.trim()) { name.focus(); return; }
    fresh = await keys.made(name.value.trim());
    await keep(fresh.me);
  };
  const use = async () => {
    try {
      await keep(await keys.imported(await file.files[0].text(), word.value));
    } catch {
      told.textContent = say("bad_copy");
      told.hidden = false;
    }
  };
  return [
    section(say("begin"), soft(say("begin_hint")), nameLabel, button(say("make"), make)),
    shut("have", say("have"), {}, fileLabel, wordLabel, button(say("import"), use), told),
  ];
}

async function keep(made) {
  await store.put("identity", "me", made);
  await navigator.storage?.persist?.();
  me = made;
  await refresh();
}

function keeping() {
  const [label, word] = field(say("passphrase"), { type: "password", autocomplete: "new-password", minLength: 12, "data-key": "backup" });
  const told = element("p", { className: "note", hidden: true, role: "alert" }, say("short"));
  const make = async () => {
    if (word.value.length < 12) { told.hidden = false; return; }
    saved("armslength-key.json", await keys.copy(me.name, fresh.parts, word.value), "application/json");
    fresh = null;
    await draw();
  };
  const skip = async () => { fresh = null; await draw(); };
  return section(say("backup"), soft(say("backup_hint")), label, told,
    element("p", { className: "row" }, button(say("backup_make"), make), button(say("backup_skip"), skip, { className: "second" })));
}

async function attest(known, pairs) {
  const bodies = pairs.map(({ name, number, value, supersedes }) => ({ claim: name, period: number, value, supersedes }));
  await journal.alone(async () =>  // what is drawn may be older than what another tab has seen
    journal.write(me, await store.get("arrangements", known.arrangement), bodies));
  await draw();
  await refresh();
}

function labelled(name, claim, period) {
  return claim.period ? say("period", { unit: say(asking.unit(claim)), number: period.number }) : name;
}

function asked(known, name, period) {
  const claim = known.terms.claims[name], label = labelled(name, claim, period);
  const [yes, no] = claim.period ? ["held", "not_held"] : ["happened", "not_happened"];
  const body = { claim: name, period: period.number, value: true };
  return element("li", { className: "card" },
    element("p", {}, element("strong", {}, label), " ",
      element("span", { className: "soft" }, claim.period ? say("from_to", { from: moment(period.starts), to: moment(period.ends) }) : "")),
    element("p", {}, say(claim.period ? "question" : "event")),
    element("p", { className: "row" }, [true, false].map((value) =>
      button(say(value ? yes : no), () => attest(known, [{ name, number: period.number, value }]),
        { className: value ? "" : "second", "aria-label": `${label}: ${say(value ? yes : no)}` }))),
    shut(`exact/${known.arrangement}/${label}`, say("exact"), {}, soft(say("exact_hint", { yes: say(yes), no: say(no) })),
      element("code", {}, canonical({ arrangement: known.arrangement, author: known.actor, type: "attest", body }))));
}

function told(known, name, period) {
  const claim = known.terms.claims[name], word = period.word;
  const value = word && word.status !== "refused" ? word.entry.body.value : period.counted?.value;
  const label = labelled(name, claim, period);
  const became = word ? say(word.status, { reason: word.refusal?.reason }) : say("shown");
  const correct = say("correct", { value: say(value ? "value_false" : "value_true") });
  const line = element("li", {}, element("strong", {}, label), ": ",
    value === undefined ? "" : say(value ? "value_true" : "value_false"), " ",
    element("span", { className: "soft" }, `(${became})`), period.decided ? `, ${named("decided", period.decided)}` : "");
  if (period.open && period.counted && (!word || word.status === "sealed"))
    line.append(" ", button(correct, () =>
      attest(known, [{ name, number: period.number, value: !value, supersedes: period.counted.entry }]),
      { className: "second small", "aria-label": `${label}: ${correct}`, "data-of": period.counted.entry }));
  return line;
}

// Why nothing of an imported key's is sent yet.
function unsettled(known, items) {
  if (journal.isSettled(me, known) || !items.some(journal.waits)) return null;
  const labelOf = (name) => `${known.terms.actors[name].name ?? name} (${known.terms.actors[name].address})`;
  const silent = (known.asked?.silent ?? elsewhere.timekeepers(known)).map(labelOf).join(", ");
  return element("div", { className: "note", role: "status" }, element("p", {}, say("unsettled", { silent })),
    elsewhere.mayGoOn(known) ? [element("p", {}, say("go_on_hint", { silent })),
      button(say("go_on"), async () => { await elsewhere.goOn(known); await refresh(); }, { className: "second" })] : null);
}

async function questions(known) {
  const items = await journal.entries(known.arrangement);
  const waiting = [], later = [];
  Object.entries(known.terms.claims).filter(([, claim]) => claim.monitors.includes(known.actor))
    .forEach(([name, claim]) => {
      const found = asking.periods(known, name, items), open = found.filter(asking.waiting).reverse();
      const done = found.filter((period) => period.word || period.counted);
      const next = open.length ? null : found.find((period) => claim.period && !period.over);
      (open.length ? waiting : later).push(element("section", { className: "claim" },
        element("h3", {}, claim.statement), known.texts[claim.clause] ? soft(known.texts[claim.clause]) : null,
        next ? soft(say("next", { period: labelled(name, claim, next), at: moment(next.ends) })) : null,
        open.length > 1 ? button(say("all_held", { count: open.length }), () =>
          attest(known, open.map(({ number }) => ({ name, number, value: true }))), { className: "wide" }) : null,
        element("ul", { className: "plain" }, open.map((period) => asked(known, name, period))),
        done.length ? shut(`said/${known.arrangement}/${name}/${open.length === 0}`, say("said"), { open: open.length === 0 },
          element("ul", { className: "plain said" }, done.map((period) => told(known, name, period)))) : null));
    });
  return section(known.terms.title, element("p", {}, element("span", { className: "badge" }, named("state", known.questions.state))),
    unsettled(known, items),
    ...waiting, waiting.length ? null : soft(say("nothing")),
    later.length ? shut(`later/${known.arrangement}/${!waiting.length}`, say("later"), { open: !waiting.length }, ...later) : null,
    element("p", { className: "soft small" }, say("hash", { hash: known.arrangement })));
}

// Put this on the page, unless it is there: what is typed, open and in focus stays.
let drawn = "";
function put(parts) {
  const made = element("div", {}, ...parts), text = new XMLSerializer().serializeToString(made);
  if (text === drawn) return;
  drawn = text;
  const kept = (each) => (each.localName === "input" ? "value" : "open");
  const old = new Map([...main.querySelectorAll("[data-key]")].map((each) => [each.dataset.key, each[kept(each)]]));
  for (const each of made.querySelectorAll("[data-key]")) each[kept(each)] = old.get(each.dataset.key) ?? each[kept(each)];
  const [within, label] = [main.contains(document.activeElement), document.activeElement?.getAttribute("aria-label")];
  main.replaceChildren(...made.childNodes);
  if (within) ((label && main.querySelector(`[aria-label="${CSS.escape(label)}"]`)) || main).focus();
}

async function draw() {
  if (!me) { where.textContent = ""; put(beginning()); return; }
  where.textContent = connection ? say("online", { node: connection.node.address }) : say("offline");
  const arrangements = (await store.all("arrangements")).filter((known) => known.questions);
  const parts = [];
  if (trouble) parts.push(element("p", { className: "note", role: "alert" }, say("error", { reason: trouble })));
  if (fresh) parts.push(keeping());
  for (const known of arrangements) parts.push(await questions(known));
  if (!arrangements.length) parts.push(section(say("none"), button(say("refresh"), refresh)));
  parts.push(shut(`card/${!arrangements.length}`, say("card"), { open: !arrangements.length }, soft(say("card_hint")),
    element("pre", {}, keys.card(me)),
    button(say("copy_card"), () => saved("card.yaml", keys.card(me), "application/yaml"), { className: "second" })));
  put(parts);
}

let busy = null;
function refresh() {
  busy ??= refreshed().finally(() => { busy = null; });
  return busy;
}

async function renewed(known) {
  await connection.look(known);
  if (!(await journal.entries(known.arrangement)).some(journal.waits)) return;
  await elsewhere.ask(me, known);
  if (await connection.send(known)) await connection.look(known);
}

async function refreshed() {
  if (!me) return draw();
  try {
    connection = await Connection.open(me);
    trouble = "";
    await connection.arrangements();
    for (const known of await store.all("arrangements")) {
      await renewed(known).catch((error) => {  // the others are no worse off
        if (error.status === undefined) throw error;
        trouble = error.message;
      });
    }
  } catch (error) {
    if (error.status === undefined) connection = null;
    else trouble = error.message;
  }
  return draw();
}

addEventListener("online", refresh);
addEventListener("offline", () => { connection = null; draw(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, 15_000);
navigator.serviceWorker?.register("worker.js");
me = (await store.get("identity", "me")) ?? null;
await draw();
await refresh();
