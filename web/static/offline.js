// Registers the service worker, which caches the page for offline visits. The page reads `data-offline` of the root
// element: `none` (not supported by this browser or at this address), `keeping`, `ready`, `update` (a new build waits).
const SCRIPT = "service-worker.js";
/** The longest time that a start waits for a new build. */
const PATIENCE_MS = 3000;

const container = navigator.serviceWorker;

function tell(state) {
  document.documentElement.dataset.offline = state;
  document.dispatchEvent(new Event("vitrine-offline"));
}

/** Activates a build that was fetched during the last visit, before any code of the old one runs. */
export async function takeOver() {
  const registration = await container?.getRegistration().catch(() => undefined);
  if (!registration?.waiting) return;
  const changed = new Promise((resolve) => {
    container.addEventListener("controllerchange", () => resolve(true), { once: true });
    setTimeout(() => resolve(false), PATIENCE_MS);
  });
  registration.waiting.postMessage("take-over");
  if (!(await changed)) return;
  location.reload();
  // Never resolves, so that the page does not start before the reload.
  await new Promise(() => {});
}

/** Caches the files of this build, and checks for a newer one. */
export async function keep() {
  if (!container) return tell("none");
  try {
    const registration = await container.register(SCRIPT, { updateViaCache: "none" });
    const replaces = registration.active !== null;
    tell(!replaces ? "keeping" : registration.waiting ? "update" : "ready");
    if (registration.installing) follow(registration, registration.installing);
    registration.addEventListener("updatefound", () =>
      follow(registration, registration.installing),
    );
    if (replaces) {
      // A new build was activated in another window.
      container.addEventListener("controllerchange", () => tell("update"));
    }
  } catch {
    tell("none");
  }
}

function follow(registration, worker) {
  let worked = false;
  worker.addEventListener("statechange", () => {
    const old = registration.active !== null && registration.active !== worker;
    if (worker.state === "installed" && old) tell("update");
    if (worker.state === "activated") {
      worked = true;
      tell("ready");
    }
    if (worker.state === "redundant" && !worked) tell(old ? "ready" : "none");
  });
}
