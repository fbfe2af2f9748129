// The worker that owns the GPU. Commands that arrive before the module is there wait here.
import init from "./pkg/worker.js";

const early = [];
self.onmessage = (message) => early.push(message);
await init();
// The module has put its own handler in place.
for (const message of early) self.onmessage(message);
