import { createHash } from "node:crypto";
import { builtFolder, type BuiltFolderOptions } from "../../files/built_folder.ts";
import { fileSize } from "../../files/exists.ts";
import { hashFile, textHash } from "../../files/hash.ts";
import { writeAll, writeAtomic } from "../../files/write_atomic.ts";
import { familyNamed } from "../checkpoint/architecture/families.ts";
import type { ContainerForm } from "../checkpoint/architecture/family.ts";
import { expectedTensors, formTensor } from "../checkpoint/architecture/tensors.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { type CacheDtype, cacheDtypeName, FLOAT32_CACHE, isFloat32 } from "../rows/cache_dtype.ts";
import { buildDecoder } from "./decoder_graph.ts";
import { type DecoderSource, matrixPart } from "./decoder_layers.ts";
import {
  decodeWeightIndex,
  encodeWeightIndex,
  storedWeights,
  WeightPlan,
  type WriteOptions,
  writeWeights,
} from "./model_files.ts";
import { storedBlocks } from "./quantized_weights.ts";
import type { WeightFormat } from "./weights.ts";

/** The files of a build: all weights, and where each of them is. */
const WEIGHTS = "weights.bin";
const INDEX = "weights.json";

/** A checkpoint's weights in one format, ready for the runtime, and the graphs that read them. */
export interface DecoderBuild {
  /** The file of its weights. */
  readonly weightsPath: string;
  /** Tells apart what the code makes of a checkpoint in a format, weights and graph; hex. */
  readonly hash: string;
  /** The path of the graph for a cache dtype. It is written if it is not there yet; no weight is read. */
  graphPath(cacheDtype?: CacheDtype): Promise<string>;
}

/** Options of {@linkcode builtDecoder}. */
export interface BuildOptions extends Pick<BuiltFolderOptions, "cache" | "onNotice">, WriteOptions {
}

/**
 * The build of a checkpoint, made if it is not there yet. It is kept outside the project, in a folder named by the
 * checkpoint's hash, the weight format and a fingerprint of what the code makes of both; it appears atomically. A build
 * that is damaged is made anew.
 *
 * @param options where builds are, who hears of a damaged one and of progress, and what ends the building: then nothing
 * of it is left
 */
export async function builtDecoder(
  checkpoint: Checkpoint,
  format: WeightFormat,
  { onProgress, signal, ...options }: BuildOptions = {},
): Promise<DecoderBuild> {
  const name = `models/${checkpoint.hash.slice(0, 32)}-${format}-${fingerprint(checkpoint, format)}`;
  const folder = await builtFolder(name, async (folder) => {
    const plan = new WeightPlan(WEIGHTS);
    buildDecoder(withFiniteWeights(checkpoint), format, plan);
    using file = Deno.openSync(`${folder}/${WEIGHTS}`, { write: true, createNew: true });
    await writeWeights(file, plan, { onProgress, signal });
    Deno.writeTextFileSync(`${folder}/${INDEX}`, encodeWeightIndex(plan.index));
  }, { ...options, contents: [WEIGHTS, INDEX] });
  const index = decodeWeightIndex(Deno.readFileSync(`${folder}/${INDEX}`), `${folder}/${INDEX}`);
  const { config, tensors } = checkpoint;
  const source: DecoderSource = { config, tensors, readTensor: unread, readBlocks: unread };
  const graphOf = (cacheDtype: CacheDtype) => {
    const graph = buildDecoder(source, format, storedWeights(WEIGHTS, index), cacheDtype);
    return { graph, hash: createHash("sha256").update(graph).digest("hex") };
  };
  const ofFloats = graphOf(FLOAT32_CACHE);
  return {
    weightsPath: `${folder}/${WEIGHTS}`,
    hash: textHash(`${name} ${ofFloats.hash}`),
    graphPath: async (cacheDtype = FLOAT32_CACHE) => {
      const { graph, hash } = isFloat32(cacheDtype) ? ofFloats : graphOf(cacheDtype);
      const dtype = cacheDtypeName(cacheDtype).replace(/[^a-z0-9]/g, "-");
      const path = `${folder}/decoder.${dtype}.${hash.slice(0, 12)}.onnx`;
      const there = fileSize(path) === graph.length && hashFile(path, "sha256") === hash;
      if (!there) await writeAtomic(path, (file) => writeAll(file, graph));
      return path;
    },
  };
}

/** A checkpoint that refuses tensors with NaN or Infinity: a model of them would say the same token for ever. */
function withFiniteWeights({ config, tensors, readTensor, readBlocks }: DecoderSource): DecoderSource {
  const check = <Numbers extends Float32Array>(name: string, numbers: Numbers): Numbers => {
    // 0 times a number is 0, which is summed faster than numbers are compared.
    let zero = 0;
    for (let at = 0; at < numbers.length; at++) zero += 0 * numbers[at];
    if (zero === 0) return numbers;
    const at = numbers.findIndex((value) => !Number.isFinite(value));
    throw new RangeError(
      `Cannot build the model as its tensor ${name} holds ${numbers[at]}: weights must be finite, get the file anew`,
    );
  };
  return {
    config,
    tensors,
    readTensor: (name, rows) => check(name, readTensor(name, rows)),
    readBlocks: (name, rows) => {
      const blocks = readBlocks(name, rows);
      if (blocks !== undefined) [blocks.scales, blocks.mins].forEach((numbers) => check(name, numbers));
      return blocks;
    },
  };
}

function unread(name: string): never {
  throw new Error(`Cannot read ${name} as its weights are built: a graph takes them from there`);
}

/**
 * Tells apart what the code makes of a checkpoint in a format, so that a change of the code is another build and no
 * version has to be raised: a hash of the configuration, of what is read of the first layer, and of the weights that the
 * code builds for a small decoder of the same traits, in both containers' forms.
 */
function fingerprint(checkpoint: Checkpoint, format: WeightFormat): string {
  const hash = createHash("sha256");
  const add = (name: string, { buffer, byteOffset, byteLength }: ArrayBufferView) =>
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  for (const name of READ_TENSORS.filter((name) => checkpoint.tensors.has(name))) {
    add(name, checkpoint.readTensor(name));
    const { shape, dtype } = checkpoint.tensors.get(name)!;
    const blocks = format === "file"
      ? storedBlocks([dtype])?.quantize(matrixPart(checkpoint, name), {
        start: 0,
        end: shape[0],
      })
      : undefined;
    for (const [part, numbers] of Object.entries(blocks ?? {})) add(part, numbers);
  }
  const { huggingFace, gguf } = familyNamed(checkpoint.config.architecture);
  for (const form of [huggingFace, gguf]) {
    if (form === undefined) continue;
    const plan = new WeightPlan(WEIGHTS);
    buildDecoder(smallDecoder(checkpoint, form), format, plan);
    const content = new Uint8Array(plan.length);
    for (const { offset, bytes } of plan.content()) content.set(bytes, offset);
    add(encodeWeightIndex(plan.index), content);
  }
  hash.update(JSON.stringify(checkpoint.config));
  return hash.digest("hex").slice(0, 12);
}

/** Small ones, which show how the stored type is decoded and how rows are ordered. */
const READ_TENSORS = ["model.layers.0.input_layernorm.weight", "model.layers.0.self_attn.k_proj.weight"];

/** A decoder of the same traits in a small shape, its numbers drawn from a fixed stream. */
function smallDecoder({ config }: Pick<Checkpoint, "config">, form: ContainerForm): DecoderSource {
  const small = {
    ...config,
    vocabSize: 64,
    hiddenSize: 128,
    intermediateSize: 192,
    numHiddenLayers: 1,
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: 32,
    rotaryDim: config.rotaryDim === config.headDim ? 32 : 16,
    eosTokenIds: [],
  };
  const shapes = expectedTensors(small);
  let state = 1;
  const draw = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  return {
    config: small,
    tensors: new Map([...shapes].map(([name, shape]) => [name, { shape, dtype: "F32" }])),
    readBlocks: () => undefined,
    readTensor: (name) => {
      const drawn = Float32Array.from({ length: shapes.get(name)!.reduce((size, extent) => size * extent, 1) }, draw);
      return formTensor(name, drawn, small, form);
    },
  };
}
