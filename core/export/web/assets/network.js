// The network, run by LiteRT in this page. `ModuleFactory` comes with LiteRT's own script, which stands before this one.

const FLOAT32 = 1; // LiteRT's numbers for kinds of elements
const SILENT = { print: () => {}, printErr: () => {} };

function listOf(vector) {
  const values = Array.from({ length: vector.size() }, (_, index) => vector.get(index));
  vector.delete();
  return values;
}

export class Network {
  #module;
  #environment;
  #compiled;
  #inputType;
  #outputs; // names, in the order of the results

  static async open({ runtime, model, width, height }) {
    const network = new Network();
    network.#module = await ModuleFactory({ ...SILENT, wasmBinary: runtime });
    await network.#load(model, [1, height, width, 3]);
    return network;
  }

  async #load(model, shape) {
    const module = this.#module;
    this.#environment = module.LiteRtEnvironment.create(null);
    const place = module._malloc(model.byteLength);
    module.HEAPU8.set(model, place);
    const loaded = module.loadModel(this.#environment, place, model.byteLength);
    this.#compiled = await module.compileModel(this.#environment, loaded, {
      environment: { liteRtEnvironment: this.#environment },
      accelerator: "wasm",
      cpuOptions: { numThreads: 1 },
      gpuOptions: {},
      webNNOptions: {},
    });
    this.#outputs = listOf(loaded.getSignature(0).outputNames());
    const dimensions = new module.VectorInt32();
    shape.forEach((length) => dimensions.push_back(length));
    this.#inputType = module.LiteRtRankedTensorType.create({ value: FLOAT32 }, module.LiteRtLayout.create(dimensions));
    dimensions.delete();
  }

  // Probabilities and features, each a Float32Array, of a picture as the network sees it.
  async answer(picture) {
    const module = this.#module;
    const input = module.LiteRtTensorBuffer.createManaged(
      this.#environment,
      module.LiteRtTensorBufferType.HOST_MEMORY,
      this.#inputType,
      this.#inputType.bytes(),
    );
    const place = input.lock(module.LiteRtTensorBufferLockMode.WRITE);
    new Float32Array(module.HEAPU8.buffer, place, picture.data.length).set(picture.data);
    input.unlock();
    const results = await this.#compiled.run(0, [input]);
    input.delete();
    const values = results.map((result) => this.#read(result));
    const byName = Object.fromEntries(this.#outputs.map((name, index) => [name, values[index]]));
    return { probabilities: byName.output_0, features: byName.output_1 };
  }

  #read(result) {
    const place = result.lock(this.#module.LiteRtTensorBufferLockMode.READ);
    const values = new Float32Array(this.#module.HEAPU8.slice(place, place + result.packedSize()).buffer);
    result.unlock();
    result.delete();
    return values;
  }
}
