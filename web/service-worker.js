// Keeps the page in this browser, so that it opens without a network. `xtask` writes `BUILD` and
// `FILES` above this: each file of the site with the SHA-256 of its bytes, the page without. The
// models are none of them; those that were loaded are in the browser's own storage.
const SCOPE = self.registration.scope;
const OURS = `vitrine ${SCOPE} `;
const CACHE = OURS + BUILD;
const PAGE = new URL("./", SCOPE).href;
const KNOWN = new Set(FILES.map(([path]) => new URL(path, SCOPE).href));

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

// A new build waits for this: two builds do not mix in one page.
self.addEventListener("message", ({ data }) => {
  if (data === "take-over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = addressOf(request);
  if (KNOWN.has(url)) event.respondWith(answer(url, request));
});

/** All files, or none: what has not the bytes of this build ends the installation. */
async function keepAll() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map(([path, integrity]) => keep(cache, path, integrity)));
}

async function keep(cache, path, integrity) {
  const url = new URL(path, SCOPE).href;
  // An installation that was interrupted goes on.
  if (await cache.match(url)) return;
  const response = await fetch(url, { cache: "no-cache", ...(integrity && { integrity }) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  await cache.put(url, direct(response));
}

/** A browser refuses an answer that was redirected where it opens a page. */
function direct(response) {
  if (!response.redirected) return response;
  const { body, headers, status } = response;
  return new Response(body, { headers, status });
}

async function takeOver() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(OURS) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The page is one file, whatever is behind its address. */
function addressOf(request) {
  const url = new URL(request.url);
  url.hash = "";
  if (request.mode === "navigate") {
    url.search = "";
    if (url.href === `${PAGE}index.html`) return PAGE;
  }
  return url.href;
}

async function answer(url, request) {
  const cache = await caches.open(CACHE);
  // The browser may have deleted it for room.
  return (await cache.match(url)) ?? fetch(request);
}
