import { Buffer } from "node:buffer";
import { type ByteSource, openFileSource } from "../../files/byte_source.ts";
import { cacheFolder } from "../../files/cache_folder.ts";
import { exists } from "../../files/exists.ts";
import { hashFile } from "../../files/hash.ts";
import { fetchPackageData, packageDataPath } from "../../files/package_data.ts";
import { encodeSafetensors } from "../checkpoint/safetensors/encode_safetensors.ts";
import { readSafetensors } from "../checkpoint/safetensors/read_safetensors.ts";

/** A policy that reads weights of its own, which are fitted once a model: the name of their folder. */
export type FittedPolicy = "attention_probe" | "kvzap" | "qfilter";

/** The policies that read fitted weights. */
export const FITTED_POLICIES: readonly FittedPolicy[] = ["attention_probe", "kvzap", "qfilter"];

/** Fitted weights by name, with the shape that a model takes. */
export type FittedShapes = Readonly<Record<string, readonly number[]>>;

/** Fitted weights by name. */
export type FittedWeights<Shapes extends FittedShapes> = { readonly [Name in keyof Shapes]: Float32Array };

/**
 * Encodes fitted weights as safetensors, in F32, with notes.
 *
 * @param notes how they were fitted, in words
 */
export function encodeFitted<Shapes extends FittedShapes>(
  weights: FittedWeights<Shapes>,
  shapes: Shapes,
  notes: Readonly<Record<string, string>>,
): Uint8Array {
  const pieces = encodeSafetensors({
    dtype: "F32",
    notes,
    shapes: Object.entries(shapes).map(([name, shape]) => [name, [...shape]]),
    bytesOf: (name) => new Uint8Array(weights[name].buffer, weights[name].byteOffset, weights[name].byteLength),
  });
  return new Uint8Array(Buffer.concat([...pieces]));
}

/**
 * Decodes fitted weights.
 *
 * @param policy who reads them, for messages
 * @throws {SyntaxError} if the file is malformed, lacks a tensor, or holds NaN or Infinity
 * @throws {TypeError} if they were fitted on a model of another shape
 */
export function decodeFitted<Shapes extends FittedShapes>(
  policy: FittedPolicy,
  source: ByteSource,
  shapes: Shapes,
): FittedWeights<Shapes> {
  const tensors = readSafetensors(source);
  const read = ([name, shape]: readonly [string, readonly number[]]): [string, Float32Array] => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SyntaxError(`Cannot read weights of ${policy} as tensor ${name} is missing`);
    if (tensor.dtype !== "F32" || tensor.shape.join() !== shape.join()) {
      throw new TypeError(
        `Cannot use weights of ${policy} as tensor ${name} is ${tensor.dtype} [${tensor.shape.join(", ")}]: ` +
          `this model takes F32 [${shape.join(", ")}]`,
      );
    }
    const bytes = source.read(tensor.offset, tensor.count * 4).slice();
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, tensor.count);
    const wrong = numbers.find((number) => !Number.isFinite(number));
    if (wrong === undefined) return [name, numbers];
    throw new SyntaxError(`Cannot use weights of ${policy} as tensor ${name} holds ${wrong}: fit them again`);
  };
  return Object.fromEntries(Object.entries(shapes).map(read)) as FittedWeights<Shapes>;
}

/** The path of a user's own fit for a model, by the checkpoint's content hash. */
export function fittedPath(policy: FittedPolicy, hash: string): string {
  return `${cacheFolder()}/${shippedName(policy, hash)}`;
}

/** The path of a model's fit among the project's, by the checkpoint's content hash. */
function shippedPath(policy: FittedPolicy, hash: string): string {
  return packageDataPath(shippedName(policy, hash));
}

function shippedName(policy: FittedPolicy, hash: string): string {
  return `fitted/${policy}/${hash.slice(0, 32)}.safetensors`;
}

/**
 * Puts the project's fits for a model on this machine, if there are some and the network is up: {@linkcode readFitted}
 * reads files alone.
 */
export async function fetchFitted(hash: string, signal?: AbortSignal): Promise<void> {
  try {
    await fetchPackageData(FITTED_POLICIES.map((policy) => shippedName(policy, hash)), signal);
  } catch {
    signal?.throwIfAborted(); // A model runs without them; who wants one is told that there is none.
  }
}

/** sha256 of the file that {@linkcode readFitted} reads, hex; undefined if there is none. */
export function fittedHash(policy: FittedPolicy, hash: string): string | undefined {
  const path = [fittedPath(policy, hash), shippedPath(policy, hash)].find((path) => exists(path));
  return path === undefined ? undefined : hashFile(path, "sha256");
}

/**
 * Reads a policy's fit for a model: the user's own, else the project's.
 *
 * @throws {RangeError} if there is none
 * @throws {SyntaxError} if its file is malformed
 */
export function readFitted<Shapes extends FittedShapes>(
  policy: FittedPolicy,
  hash: string,
  shapes: Shapes,
): FittedWeights<Shapes> {
  for (const path of [fittedPath(policy, hash), shippedPath(policy, hash)]) {
    try {
      using source = openFileSource(path);
      return decodeFitted(policy, source, shapes);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new RangeError(
    `Cannot use ${policy} as nothing is fitted for this model: run \`deno task fit_probe --policy ${policy}\``,
  );
}
