// Asks the browser's compiler about shaders; answers with one line per complaint. A pipeline, which the adapter's own
// compiler takes seconds for, is made of those that say so.
const [shaders, done] = [arguments[0], arguments[arguments.length - 1]];

// What the device complains of while `make` runs; it may not wait for anything.
const scoped = async (device, make) => {
  device.pushErrorScope("validation");
  const made = make();
  const error = device.popErrorScope();
  return [made, await error];
};

const complaints = async (device, { label, code, bindings, pipeline }) => {
  const [[module, layout], error] = await scoped(device, () => {
    const entries = bindings.map((resource, binding) => {
      return { binding, visibility: GPUShaderStage.COMPUTE, ...resource };
    });
    const bindGroupLayouts = [device.createBindGroupLayout({ entries })];
    return [
      device.createShaderModule({ label, code }),
      device.createPipelineLayout({ bindGroupLayouts }),
    ];
  });
  const { messages } = await module.getCompilationInfo();
  const found = messages
    .filter(({ type }) => type === "error")
    .map(({ lineNum, message }) => `${label}: line ${lineNum}: ${message}`);
  if (error && found.length === 0) found.push(`${label}: ${error.message}`);
  if (found.length > 0 || !pipeline) return found;
  try {
    await device.createComputePipelineAsync({ layout, compute: { module, entryPoint: "main" } });
    return [];
  } catch (error) {
    return [`${label}: ${error.message}`];
  }
};

(async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return ["there is no WebGPU adapter"];
  // As the engine asks for it: a kernel that takes much along binds more than the least there is, and lanes
  // share what they load.
  const { maxStorageBuffersPerShaderStage } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: ["subgroups"],
    requiredLimits: { maxStorageBuffersPerShaderStage },
  });
  // Some at a time, for all cores compile.
  const found = [];
  const waiting = shaders.values();
  const compile = async () => {
    for (const shader of waiting) found.push(...(await complaints(device, shader)));
  };
  await Promise.all(Array.from({ length: 2 * navigator.hardwareConcurrency }, compile));
  return found;
})().then(done, (error) => done([`the script failed: ${error}`]));
