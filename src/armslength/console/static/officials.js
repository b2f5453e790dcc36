// An official's key, in this browser alone: made here or read from its file, kept so that it cannot be read out again. It
// signs words about drafts, each after the draft's hash was computed here from the draft that the page shows.
const NAME = { name: "Ed25519" };
const PREFIX = "armslength/approval/1\n";
const PKCS8 = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]); // … and the 32 bytes of a key
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

const base64 = (data) => btoa(String.fromCharCode(...new Uint8Array(data)));
const unbase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const hex = (data) => [...new Uint8Array(data)].map((each) => each.toString(16).padStart(2, "0")).join("");

function base58(data) {
  let number = 0n;
  for (const each of data) number = number * 256n + BigInt(each);
  let found = "";
  for (; number > 0n; number /= 58n) found = ALPHABET[Number(number % 58n)] + found;
  return found;
}

const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("armslength-official", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("key");
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function inside(mode, work) {
  const done = (await opened).transaction("key", mode);
  const found = work(done.objectStore("key"));
  return new Promise((resolve, reject) => {
    done.oncomplete = () => resolve(found.result);
    done.onabort = done.onerror = () => reject(done.error);
  });
}

// Keep a key of 32 bytes; the caller drops them.
async function keep(name, seed) {
  const pkcs8 = new Uint8Array([...PKCS8, ...seed]);
  const whole = await crypto.subtle.exportKey("jwk", await crypto.subtle.importKey("pkcs8", pkcs8, NAME, true, ["sign"]));
  const text = whole.x.replace(/-/g, "+").replace(/_/g, "/");
  const secret = await crypto.subtle.importKey("pkcs8", pkcs8, NAME, false, ["sign"]);
  const me = { name, secret, public: base64(unbase64(text)) };
  await inside("readwrite", (store) => store.put(me, "me"));
  return me;
}

function show(me) {
  for (const each of document.querySelectorAll(".key-none")) each.hidden = Boolean(me);
  for (const each of document.querySelectorAll(".key-here")) each.hidden = !me;
  for (const each of document.querySelectorAll("form.signs, .by-key")) each.hidden = !me;
  for (const form of document.querySelectorAll("form.signs, form.asks")) form.elements.key.value = me?.public ?? "";
  if (!me) return;
  const did = `did:key:z${base58(Uint8Array.from([0xed, 0x01, ...unbase64(me.public)]))}`;
  const name = me.name ? `name: ${JSON.stringify(me.name)}\n` : "";
  for (const each of document.querySelectorAll(".key-card")) each.textContent = `${name}keys:\n- ${did}\n`;
}

function offer(seed) {
  const link = document.querySelector(".key-save");
  link.href = URL.createObjectURL(new Blob([`${base64(seed)}\n`], { type: "application/octet-stream" }));
  link.hidden = false;
}

async function sign(form, word, me) {
  const exact = unbase64(form.dataset.exact);
  if (hex(await crypto.subtle.digest("SHA-256", exact)) !== form.dataset.hash) {
    form.querySelector(".mismatch").hidden = false;
    return;
  }
  const message = new TextEncoder().encode(`${PREFIX}{"draft":"${form.dataset.hash}","word":"${word}"}`);
  form.elements.word.value = word;
  form.elements.sig.value = base64(await crypto.subtle.sign(NAME, me.secret, message));
  form.submit();
}

let me = await inside("readonly", (store) => store.get("me"));
show(me);

document.querySelector("form.make")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const seed = crypto.getRandomValues(new Uint8Array(32));
  me = await keep(event.target.elements.name.value, seed);
  show(me);
  offer(seed);
});
document.querySelector(".key-file")?.addEventListener("change", async (event) => {
  const bad = document.querySelector(".key-bad");
  try {
    const seed = unbase64((await event.target.files[0].text()).trim());
    if (seed.length !== 32) throw new Error("length");
    me = await keep("", seed);
    bad.hidden = true;
    show(me);
  } catch {
    bad.hidden = false;
  }
  event.target.value = "";
});
document.querySelector(".key-forget")?.addEventListener("click", async () => {
  await inside("readwrite", (store) => store.delete("me"));
  me = undefined;
  show(me);
});
for (const form of document.querySelectorAll("form.signs"))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sign(form, event.submitter.value, me);
  });
