// Caches the page, so that it opens without a network. `xtask` prepends `BUILD` and `FILES`: each
// file of the site with the SHA-256 of its bytes; the page itself has none. Models are not among
// them: loaded models are in the browser's own storage.
const SCOPE = self.registration.scope;
const OURS = `vitrine ${SCOPE} `;
const CACHE = OURS + BUILD;
const PAGE = new URL("./", SCOPE).href;
const KNOWN = new Set(FILES.map(([path]) => new URL(path, SCOPE).href));

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

// A new build waits for this message, so that one page never mixes two builds.
self.addEventListener("message", ({ data }) => {
  if (data === "take-over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = addressOf(request);
  if (KNOWN.has(url)) event.respondWith(answer(url, request));
});

/** Caches all files or none; a file with the wrong hash makes the installation fail. */
async function keepAll() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map(([path, integrity]) => keep(cache, path, integrity)));
}

async function keep(cache, path, integrity) {
  const url = new URL(path, SCOPE).href;
  // Already cached by an installation that was interrupted.
  if (await cache.match(url)) return;
  const response = await fetch(url, { cache: "no-cache", ...(integrity && { integrity }) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  await cache.put(url, direct(response));
}

/** Copies a redirected response: browsers refuse redirected responses to navigations. */
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

/** The cache key of a request; for navigations the query is ignored, as there is one page. */
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
  // The browser may have evicted the cache to free space.
  return (await cache.match(url)) ?? fetch(request);
}
