/**
 * Has onnxruntime take float16 as bits, in a Uint16Array. Which arrays its tensors are made of is settled with the first
 * one: where the language has a Float16Array it would be that, which the native part does not know.
 *
 * @param makeTensor makes the first tensor
 */
export function float16AsBits(makeTensor: () => unknown): void {
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
