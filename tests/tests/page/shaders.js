// Compiles shaders the way the engine does; answers with one line per complaint.
const [shaders, done] = [arguments[0], arguments[arguments.length - 1]];

const complaints = async (device, { label, code, bindings }) => {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code });
  const { messages } = await module.getCompilationInfo();
  const found = messages
    .filter(({ type }) => type === "error")
    .map(({ lineNum, message }) => `${label}: line ${lineNum}: ${message}`);
  if (found.length === 0) {
    const entries = bindings.map((resource, binding) => {
      return { binding, visibility: GPUShaderStage.COMPUTE, ...resource };
    });
    const layout = device.createPipelineLayout({
      bindGroupLayouts: [device.createBindGroupLayout({ entries })],
    });
    try {
      await device.createComputePipelineAsync({ layout, compute: { module, entryPoint: "main" } });
    } catch (error) {
      found.push(`${label}: ${error.message}`);
    }
  }
  const error = await device.popErrorScope();
  if (error && found.length === 0) found.push(`${label}: ${error.message}`);
  return found;
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
  const found = [];
  for (const shader of shaders) found.push(...(await complaints(device, shader)));
  return found;
})().then(done, (error) => done([`the script failed: ${error}`]));
