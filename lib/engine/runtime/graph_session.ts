import * as onnxruntime from "onnxruntime-node";

float16AsBits(() => new onnxruntime.Tensor("float32", new Float32Array(1), [1]));

/** Options of {@linkcode openSession}. */
export interface SessionOptions {
  /** Threads of a matrix product; as many as there are cores by default. */
  readonly threads?: number;
  /**
   * Writes onnxruntime's profile of every run to a file that begins with this path, at disposal; it slows runs down. Off by
   * default.
   */
  readonly profile?: string;
}

/** Numbers that go into a graph. */
export interface GraphInput {
  /** Row-major. */
  readonly values: Float32Array | BigInt64Array;
  /** Rows first. */
  readonly shape: readonly number[];
}

/** A small graph open in onnxruntime. */
export interface GraphSession extends AsyncDisposable {
  /** Runs it once; gives the named outputs. */
  run(inputs: Readonly<Record<string, GraphInput>>, outputs: readonly string[]): Promise<Record<string, Float32Array>>;
}

/** Opens a graph that lives in memory. */
export async function openGraph(
  graph: Uint8Array,
  { threads = navigator.hardwareConcurrency }: SessionOptions = {},
): Promise<GraphSession> {
  const session = await onnxruntime.InferenceSession.create(graph, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  return {
    run: async (inputs, names) => {
      const feeds = Object.entries(inputs).map(([name, { values, shape }]) => {
        const tensor = values instanceof Float32Array
          ? new onnxruntime.Tensor("float32", values, shape)
          : new onnxruntime.Tensor("int64", values, shape);
        return [name, tensor] as const;
      });
      const outputs = await session.run(Object.fromEntries(feeds), [...names]);
      return Object.fromEntries(names.map((name) => [name, outputs[name].data as Float32Array]));
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

/**
 * Has onnxruntime take float16 as bits, in a Uint16Array. Which arrays its tensors are made of is settled with the first
 * one: where the language has a Float16Array it would be that, which the native part does not know.
 *
 * @param makeTensor makes the first tensor
 */
function float16AsBits(makeTensor: () => unknown): void {
  const global = globalThis as { Float16Array?: unknown };
  const known = global.Float16Array;
  try {
    delete global.Float16Array;
    makeTensor();
  } finally {
    if (known !== undefined) {
      Object.defineProperty(global, "Float16Array", { value: known, configurable: true, writable: true });
    }
  }
}
