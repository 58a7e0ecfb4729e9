import { type AttentionProbe, type ProbedModel, probeWidth } from "./attention_probe.ts";
import type { ByteSource } from "./byte_source.ts";
import { readSafetensors } from "./safetensors/read_safetensors.ts";

/**
 * Writes a probe as safetensors: `weights` and `means` in F32, and how it was fitted in the notes.
 *
 * @param notes how it was fitted, in words
 */
export function encodeProbe(
  { weights, means }: AttentionProbe,
  model: ProbedModel,
  notes: Readonly<Record<string, string>>,
): Uint8Array {
  const { layerCount, kvHeadCount } = model;
  const end = weights.byteLength + means.byteLength;
  const header = JSON.stringify({
    __metadata__: notes,
    weights: {
      dtype: "F32",
      shape: [layerCount, kvHeadCount, probeWidth(model)],
      data_offsets: [0, weights.byteLength],
    },
    means: { dtype: "F32", shape: [layerCount, probeWidth(model)], data_offsets: [weights.byteLength, end] },
  });
  // The format wants the data at a multiple of eight bytes.
  const text = new TextEncoder().encode(header.padEnd(Math.ceil(header.length / 8) * 8));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength), 8 + text.length);
  bytes.set(new Uint8Array(means.buffer, means.byteOffset, means.byteLength), 8 + text.length + weights.byteLength);
  return bytes;
}

/**
 * Reads a probe.
 *
 * @throws {SyntaxError} if the file is malformed, or lacks a tensor
 * @throws {TypeError} if it was fitted on a model of another shape
 */
export function decodeProbe(source: ByteSource, model: ProbedModel): AttentionProbe {
  const tensors = readSafetensors(source);
  const width = probeWidth(model);
  const read = (name: string, wanted: readonly number[]) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SyntaxError(`Cannot read the attention probe as tensor ${name} is missing`);
    if (tensor.dtype !== "F32" || tensor.shape.join() !== wanted.join()) {
      throw new TypeError(
        `Cannot use the attention probe as its ${name} are ${tensor.dtype} [${tensor.shape.join(", ")}]: ` +
          `this model takes F32 [${wanted.join(", ")}]`,
      );
    }
    const bytes = source.read(tensor.offset, tensor.count * 4).slice();
    return new Float32Array(bytes.buffer, bytes.byteOffset, tensor.count);
  };
  return {
    weights: read("weights", [model.layerCount, model.kvHeadCount, width]),
    means: read("means", [model.layerCount, width]),
  };
}
