/**
 * The service worker of an exported site: after the first visit the site works without a connection.
 *
 * `kukkiri web export` writes it to the root of the site with the site's digest in it, so that a new export is a new
 * worker. It also adds the headers that isolate the page, without which a static host gives only one thread.
 */

const SITE = "development";
const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const CACHE = `kukkiri ${scope.registration.scope} ${SITE}`;
const FILES = "kukkiri-site.json";
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  if (method !== "GET" || !url.startsWith(scope.registration.scope)) return;
  event.respondWith(answer(event.request, mode === "navigate"));
});

async function install() {
  const { files } = await (await fetch(FILES, { cache: "no-cache" })).json();
  const cache = await caches.open(CACHE);
  await cache.addAll(["./", ...Object.keys(files)].map((path) => new Request(path, { cache: "no-cache" })));
  await scope.skipWaiting();
}

async function activate() {
  const mine = `kukkiri ${scope.registration.scope} `; // another folder of this host may hold another site
  const old = (await caches.keys()).filter((name) => name.startsWith(mine) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/**
 * @param {Request} request
 * @param {boolean} page
 */
async function answer(request, page) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: page });
  const found = kept ?? (await fetch(request));
  if (found.type === "opaque" || found.status === 0 || found.redirected) return found;
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const { status, statusText } = found;
  return new Response([204, 304].includes(status) ? null : found.body, { status, statusText, headers });
}
