// What this browser keeps: the identity, the arrangements, and the journal of signed statements. Nothing is ever removed
// from the journal.
const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("armslength-attest", 1);
  asked.onupgradeneeded = () => {
    for (const name of ["identity", "arrangements", "journal"]) asked.result.createObjectStore(name);
  };
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function inside(mode, names, work) {
  const done = (await opened).transaction(names, mode, { durability: "strict" });
  const found = work(done);
  return new Promise((resolve, reject) => {
    done.oncomplete = () => resolve(found?.result);
    done.onabort = done.onerror = () => reject(done.error);
  });
}

export const get = (name, key) => inside("readonly", [name], (on) => on.objectStore(name).get(key));
export const all = (name) => inside("readonly", [name], (on) => on.objectStore(name).getAll());
export const put = (name, key, value) => inside("readwrite", [name], (on) => on.objectStore(name).put(value, key));
export const putAll = (name, pairs) =>
  inside("readwrite", [name], (on) => { for (const [key, value] of pairs) on.objectStore(name).put(value, key); });
