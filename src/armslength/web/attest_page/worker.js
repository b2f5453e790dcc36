// Keeps the page's files, so that it opens without a connection. What a node answers is never kept here.
const FILES = ["./", "page.css", "page.js", "words.js", "forms.js", "keys.js", "store.js", "journal.js", "node.js",
  "elsewhere.js", "asking.js", "icon.svg", "manifest.webmanifest"];
const KEPT = "armslength-attest";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const name = url.pathname.slice(new URL("./", self.location.href).pathname.length) || "./";
  if (url.origin !== self.location.origin || event.request.method !== "GET" || !FILES.includes(name)) return;
  event.respondWith(fetch(event.request).then((answer) => {
    const copy = answer.clone();
    if (answer.ok) caches.open(KEPT).then((kept) => kept.put(event.request, copy));
    return answer;
  }).catch(() => caches.match(event.request, { ignoreSearch: true })));
});
