// A test's hold on the worker. Each call takes [what, argument] and answers with JSON.
const [what, argument, done] = arguments;

const start = (script) => {
  const messages = [];
  const worker = new Worker(script, { type: "module" });
  worker.onmessage = ({ data }) => {
    const [text, ...buffers] = Array.isArray(data) ? data : [data];
    messages.push({ event: JSON.parse(text), buffers });
  };
  worker.onerror = ({ message }) => {
    const failure = { kind: "internal", message: `the worker did not start: ${message}` };
    messages.push({ event: { failed: { run: null, failure } }, buffers: [] });
  };
  window.link = { worker, messages };
};

// Sends a command with files of the site.
const send = async ({ command, files }) => {
  const fetched = files.map(async ({ name, url }) => {
    return new File([await (await fetch(url)).blob()], name);
  });
  const parts = await Promise.all(fetched);
  const text = JSON.stringify(command);
  window.link.worker.postMessage(parts.length ? [text, ...parts] : text);
};

// Tensors as lists of numbers.
const numbers = (event, buffers) => {
  const types = { f32: Float32Array, u8: Uint8Array };
  const [answer] = Object.values(event.answer?.answer ?? {});
  const headers = answer?.tensors ?? [];
  return buffers.map((buffer, index) => Array.from(new types[headers[index].dtype](buffer)));
};

// An event is its name, or an object whose only field has its name.
const kind = (event) => (typeof event === "string" ? event : Object.keys(event)[0]);

// Takes all messages up to the first of these kinds, and waits until it is there.
const until = async (kinds) => {
  const { messages } = window.link;
  for (;;) {
    const last = messages.findIndex(({ event }) => kinds.includes(kind(event)));
    if (last >= 0) {
      const taken = messages.splice(0, last + 1);
      return taken.map(({ event, buffers }) => ({ event, tensors: numbers(event, buffers) }));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

(async () => ({ start, send, until })[what](argument))().then(
  (answer) => done({ answer: answer ?? null }),
  (error) => done({ error: String(error) }),
);
