// The worker that owns the GPU. It runs the page's own module, which is the page's first message; from
// a page that has none it fetches it. Commands that arrive before wait here.
import init, { startWorker } from "./pkg/vitrine.js";

// A trap in a promise ends the engine like any other: the page hears of it.
self.addEventListener("unhandledrejection", ({ reason }) => reportError(reason));

// wgpu does not ask browsers for subgroups (gfx-rs/wgpu#10146).
const adapter = self.GPUAdapter?.prototype;
if (adapter) {
  const { requestDevice } = adapter;
  adapter.requestDevice = function (wanted) {
    if (this.features.has("subgroups")) wanted.requiredFeatures.push("subgroups");
    return requestDevice.call(this, wanted);
  };
}

const early = [];
const module = await new Promise((resolve) => {
  self.onmessage = (message) => {
    const isModule = message.data instanceof WebAssembly.Module;
    if (!isModule) early.push(message);
    resolve(isModule ? message.data : undefined);
  };
});
self.onmessage = (message) => early.push(message);
await init(module && { module_or_path: module });
startWorker();
// The module has put its own handler in place.
for (const message of early) self.onmessage(message);
