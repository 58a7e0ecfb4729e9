import { Buffer } from "node:buffer";
import { type ByteSource, openFileSource } from "../../files/byte_source.ts";
import { cacheFolder } from "../../files/cache_folder.ts";
import { exists } from "../../files/exists.ts";
import { hashFile } from "../../files/hash.ts";
import { fetchPackageData, packageDataPath } from "../../files/package_data.ts";
import { encodeSafetensors } from "../checkpoint/safetensors/encode_safetensors.ts";
import { readSafetensors } from "../checkpoint/safetensors/read_safetensors.ts";
import { type AttentionProbe, type ProbedModel, probeWidth } from "./attention_probe.ts";

/**
 * Encodes a probe as safetensors: `weights` and `means` in F32, and notes.
 *
 * @param notes how the probe was fitted, in words
 */
export function encodeProbe(
  { weights, means }: AttentionProbe,
  model: ProbedModel,
  notes: Readonly<Record<string, string>>,
): Uint8Array {
  const { layerCount, kvHeadCount } = model;
  const width = probeWidth(model);
  const values: Record<string, Float32Array> = { weights, means };
  const pieces = encodeSafetensors({
    dtype: "F32",
    notes,
    shapes: [["weights", [layerCount, kvHeadCount, width]], ["means", [layerCount, width]]],
    bytesOf: (name) => new Uint8Array(values[name].buffer, values[name].byteOffset, values[name].byteLength),
  });
  return new Uint8Array(Buffer.concat([...pieces]));
}

/**
 * Decodes a probe.
 *
 * @throws {SyntaxError} if the file is malformed, lacks a tensor, or holds NaN or Infinity
 * @throws {TypeError} if the probe was fitted on a model of another shape
 */
export function decodeProbe(source: ByteSource, model: ProbedModel): AttentionProbe {
  const tensors = readSafetensors(source);
  const width = probeWidth(model);
  const read = (name: string, shape: readonly number[]) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SyntaxError(`Cannot read the attention probe as tensor ${name} is missing`);
    if (tensor.dtype !== "F32" || tensor.shape.join() !== shape.join()) {
      throw new TypeError(
        `Cannot use the attention probe as its ${name} are ${tensor.dtype} [${tensor.shape.join(", ")}]: ` +
          `this model takes F32 [${shape.join(", ")}]`,
      );
    }
    const bytes = source.read(tensor.offset, tensor.count * 4).slice();
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, tensor.count);
    const wrong = numbers.find((number) => !Number.isFinite(number));
    if (wrong === undefined) return numbers;
    throw new SyntaxError(`Cannot use the attention probe as its ${name} hold ${wrong}: fit it again`);
  };
  return {
    weights: read("weights", [model.layerCount, model.kvHeadCount, width]),
    means: read("means", [model.layerCount, width]),
  };
}

/** The path of a user's own probe of a model, by the checkpoint's content hash. */
export function probePath(hash: string): string {
  return `${cacheFolder()}/probes/${hash.slice(0, 32)}.safetensors`;
}

/** The path of a model's probe among the project's, by the checkpoint's content hash. */
function shippedProbePath(hash: string): string {
  return packageDataPath(shippedProbe(hash));
}

function shippedProbe(hash: string): string {
  return `probes/${hash.slice(0, 32)}.safetensors`;
}

/**
 * Puts the project's probe of a model on this machine, if there is one and the network is up: {@linkcode readProbe} reads
 * files alone.
 */
export async function fetchProbe(hash: string, signal?: AbortSignal): Promise<void> {
  try {
    await fetchPackageData([shippedProbe(hash)], signal);
  } catch {
    signal?.throwIfAborted(); // A model runs without its probe; who wants that is told that there is none.
  }
}

/** sha256 of the file that {@linkcode readProbe} reads, hex; undefined if there is none. */
export function probeHash(hash: string): string | undefined {
  const path = [probePath(hash), shippedProbePath(hash)].find((path) => exists(path));
  return path === undefined ? undefined : hashFile(path, "sha256");
}

/**
 * Reads the probe of a model: the user's own, else the project's.
 *
 * @throws {RangeError} if there is none
 * @throws {SyntaxError} if its file is malformed
 */
export function readProbe(hash: string, model: ProbedModel): AttentionProbe {
  for (const path of [probePath(hash), shippedProbePath(hash)]) {
    try {
      using source = openFileSource(path);
      return decodeProbe(source, model);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new RangeError(
    "Cannot predict attention as there is no attention probe for this model: fit one with `deno task fit_probe`",
  );
}
