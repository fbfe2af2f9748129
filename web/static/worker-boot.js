// The worker that owns the GPU. It runs the same module as the page, which sends it in its first message; otherwise the
// worker fetches it. Commands that arrive before the module has started are queued here.
import init, { startWorker } from "./pkg/vitrine.js";

// A trap in a promise ends the engine too, so it is reported to the page.
self.addEventListener("unhandledrejection", ({ reason }) => reportError(reason));

// wgpu does not request subgroups from browsers (gfx-rs/wgpu#10146).
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
// `startWorker` has installed the module's own handler.
for (const message of early) self.onmessage(message);
