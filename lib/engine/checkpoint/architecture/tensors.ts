import type { ByteSource } from "../../../files/byte_source.ts";
import type { Checkpoint, ModelConfig, TensorInfo } from "../checkpoint.ts";
import { readBlocks, readValues, type RowSpan, TENSOR_FORMATS, type TensorFormat } from "../tensor_format.ts";
import { familyNamed } from "./families.ts";
import type { ContainerForm, FamilyTensor, PackedTensor, RowNumbers, Width } from "./family.ts";
import { turningFirst } from "./rotary_order.ts";

interface NamedTensor {
  /** Hugging Face's name. */
  readonly name: string;
  /** llama.cpp's name. */
  readonly gguf: string;
  readonly tensor: FamilyTensor;
}

/** Every tensor that a model of the family may have, in layers from the first to the last. */
function* familyTensors({ architecture, numHiddenLayers }: ModelConfig): Generator<NamedTensor, void, undefined> {
  const { tensors } = familyNamed(architecture);
  for (const tensor of tensors.model) yield { name: tensor.name, gguf: tensor.gguf, tensor };
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    for (const tensor of tensors.layer) {
      yield { name: `model.layers.${layer}.${tensor.name}`, gguf: `blk.${layer}.${tensor.gguf}`, tensor };
    }
  }
}

/** The tensors that a model of this configuration has, by Hugging Face's names, each with its shape. */
export function expectedTensors(config: ModelConfig): Map<string, readonly number[]> {
  const widths: Readonly<Record<Width, number>> = {
    vocab: config.vocabSize,
    hidden: config.hiddenSize,
    intermediate: config.intermediateSize,
    queries: config.numAttentionHeads * config.headDim,
    keys: config.numKeyValueHeads * config.headDim,
    head: config.headDim,
  };
  const expected = new Map<string, readonly number[]>();
  for (const { name, tensor } of familyTensors(config)) {
    if (tensor.when?.(config) ?? true) expected.set(name, tensor.shape.map((width) => widths[width]));
  }
  return expected;
}

/** Hugging Face's names of the family's tensors, by llama.cpp's (`blk.0.attn_q.weight`). */
export function huggingFaceNames(config: ModelConfig): ReadonlyMap<string, string> {
  const packed = packedTensors(config).map(({ name, gguf }): [string, string] => [gguf, name]);
  // In some families a packed tensor has the name that one part has elsewhere.
  return new Map([...[...familyTensors(config)].map(({ name, gguf }): [string, string] => [gguf, name]), ...packed]);
}

/** The packed tensors that a model of the family may have, in every layer. */
function packedTensors({ architecture, numHiddenLayers }: ModelConfig): PackedTensor[] {
  const { packed = [] } = familyNamed(architecture).tensors;
  return Array.from({ length: numHiddenLayers }, (_, layer) =>
    packed.map(({ name, gguf, parts }) => ({
      name: `model.layers.${layer}.${name}`,
      gguf: `blk.${layer}.${gguf}`,
      parts: parts.map((part) => `model.layers.${layer}.${part}`),
    }))).flat();
}

/**
 * The tensors of a checkpoint, those that hold the rows of several cut into their parts.
 *
 * @throws {SyntaxError} naming a packed tensor whose shape does not fit its parts
 */
export function cutPacked(
  config: ModelConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
): ReadonlyMap<string, StoredTensor> {
  const cut = new Map(tensors);
  const expected = expectedTensors(config);
  for (const { name, parts } of packedTensors(config)) {
    const packed = tensors.get(name);
    if (packed === undefined) continue;
    const shapes = parts.map((part) => expected.get(part)!);
    const shape = [shapes.reduce((sum, [rows]) => sum + rows, 0), shapes[0][1]];
    if (packed.shape.join() !== shape.join()) throw wrongShape(name, shape, packed.shape);
    cut.delete(name);
    let { offset } = packed;
    parts.forEach((part, index) => {
      const count = shapes[index][0] * shapes[index][1];
      cut.set(part, { ...packed, shape: shapes[index], offset, count });
      const { blockLength, blockBytes } = TENSOR_FORMATS[packed.dtype];
      offset += count / blockLength * blockBytes;
    });
  }
  return cut;
}

function wrongShape(name: string, shape: readonly number[], found: readonly number[]): SyntaxError {
  return new SyntaxError(
    `Cannot use the checkpoint as the tensor ${name} must be [${shape}]: current shape is [${found}]`,
  );
}

/**
 * Checks that a checkpoint holds exactly the tensors that its configuration asks for. One tensor too many would be
 * weights that the engine would leave out of the model without a word.
 *
 * @throws {SyntaxError} naming the tensor that is missing, of another shape, or not of this architecture
 */
export function checkTensors(config: ModelConfig, tensors: ReadonlyMap<string, Pick<TensorInfo, "shape">>): void {
  const expected = expectedTensors(config);
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found === undefined) {
      throw new SyntaxError(`Cannot use the checkpoint as the tensor ${name} is missing: it should be [${shape}]`);
    }
    if (found.shape.join() !== shape.join()) throw wrongShape(name, shape, found.shape);
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name)) {
      throw new SyntaxError(
        `Cannot use the checkpoint as its tensor ${name} is none of a ${config.architecture} model's ${expected.size}`,
      );
    }
  }
}

/** A tensor in an open file. */
export interface StoredTensor extends TensorInfo {
  readonly source: ByteSource;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** Numbers in all. */
  readonly count: number;
}

/** Makes the readers of a checkpoint: tensors decoded to float32, or as they are stored, in the graph's form. */
export function tensorReaders(
  config: ModelConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
  form: ContainerForm = {},
): Pick<Checkpoint, "readTensor" | "readBlocks"> {
  const stored = (name: string, rows?: RowSpan): StoredRows => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new RangeError(`Cannot read the tensor ${name} as the checkpoint has none of it`);
    return storedRows(name, tensor, rows, config);
  };
  const ordered = <Numbers extends RowNumbers>(name: string, numbers: Numbers, rows: StoredRows) =>
    cutRows(rows, numbers, config, (all, heads) => orderRows(name, all, heads, form));
  const formed = (name: string, values: Float32Array<ArrayBuffer>, rows: StoredRows) =>
    cutRows(rows, values, config, (all, heads) => formTensor(name, all, heads, form));
  return {
    readTensor: (name, span) => {
      const rows = stored(name, span);
      return formed(name, readValues(rows.source, rows.offset, rows.count, rows.format), rows);
    },
    readBlocks: (name, span) => {
      const rows = stored(name, span);
      const blocks = readBlocks(rows.source, rows.offset, rows.count, rows.format);
      return blocks && {
        groupLength: blocks.groupLength,
        levels: ordered(name, blocks.levels, rows),
        scales: formed(name, blocks.scales, rows),
        mins: formed(name, blocks.mins, rows),
      };
    },
  };
}

/** Rows of a tensor in an open file. */
interface StoredRows extends RowSpan, Pick<StoredTensor, "source" | "offset" | "count"> {
  readonly format: TensorFormat;
  /** The rows that are read: those asked for and the rest of their heads. */
  readonly read: RowSpan;
}

/** Where rows lie in the file, with those that share a head with them. */
function storedRows(
  name: string,
  { source, offset, count, shape: [height], dtype }: StoredTensor,
  { start, end }: RowSpan = { start: 0, end: height },
  { headDim }: ModelConfig,
): StoredRows {
  if (![start, end].every(Number.isInteger) || start < 0 || start >= end || end > height) {
    throw new RangeError(`Cannot read rows ${start} to before ${end} of ${name} as it has ${height}`);
  }
  const read = {
    start: start - start % headDim,
    end: Math.min(height, Math.ceil(end / headDim) * headDim),
  };
  const format = TENSOR_FORMATS[dtype];
  const columns = count / height;
  const before = (read.start * columns / format.blockLength) * format.blockBytes;
  return { source, offset: offset + before, count: (read.end - read.start) * columns, format, start, end, read };
}

/** Cuts out the rows that were asked for, once they are in order: what changes places does so within a head. */
function cutRows<Numbers extends RowNumbers>(
  { start, end, read }: StoredRows,
  numbers: Numbers,
  config: ModelConfig,
  order: (numbers: Numbers, config: ModelConfig) => Numbers,
): Numbers {
  const rows = read.end - read.start;
  const width = numbers.length / rows;
  // Some of a tensor's heads are the tensor of a model of fewer heads.
  const heads = rows / config.headDim;
  const all = order(numbers, { ...config, numAttentionHeads: heads, numKeyValueHeads: heads });
  return all.subarray((start - read.start) * width, (end - read.start) * width) as Numbers;
}

function orderRows<Numbers extends RowNumbers>(
  name: string,
  numbers: Numbers,
  config: ModelConfig,
  { rows }: ContainerForm,
): Numbers {
  return turningFirst(name, rows?.(name, numbers, config) ?? numbers, config);
}

/**
 * Brings a tensor into the form that the graph takes: rows in its order, and the model's multipliers in the numbers. Of a
 * matrix that is stored in blocks, scales and mins are given.
 *
 * @param values row-major, as the container has them; may be changed in place
 */
export function formTensor(
  name: string,
  values: Float32Array<ArrayBuffer>,
  config: ModelConfig,
  form: ContainerForm,
): Float32Array<ArrayBuffer> {
  const own = orderRows(name, values, config, form);
  const added = /norm\.weight$/.test(name) ? form.normOffset ?? 0 : 0;
  const factor = multiplier(name, config);
  if (added !== 0 || factor !== 1) {
    for (let at = 0; at < own.length; at++) own[at] = (own[at] + added) * factor;
  }
  if (config.multipliers.turning !== 1 && scaled(config).test(name)) multiplyTurning(own, config);
  return own;
}

/** The factor that a tensor's numbers take, so that the graph computes the model without its multipliers. */
function multiplier(name: string, config: ModelConfig): number {
  const { multipliers, tieWordEmbeddings } = config;
  const { embedding, residual, score, logits } = multipliers;
  if (name === "model.embed_tokens.weight") return embedding;
  // The last projection is linear in the norm's weights; where it is the embedding, it has taken that factor.
  if (name === "model.norm.weight") return logits / (tieWordEmbeddings ? embedding : 1);
  if (/\.(?:o|down)_proj\.(?:weight|bias)$/.test(name)) return residual;
  return scaled(config).test(name) ? score : 1;
}

/** The tensors that scale queries: a norm takes back what is before it. */
function scaled({ traits }: ModelConfig): RegExp {
  return traits.queryKeyNorm === "none" ? /\.q_proj\.(?:weight|bias)$/ : /\.q_norm\.weight$/;
}

/** Multiplies the rows of the dimensions that turn, in place: in the graph's order the first of each half of a head. */
function multiplyTurning(values: Float32Array, config: ModelConfig): void {
  const { headDim, rotaryDim, numAttentionHeads, multipliers, traits } = config;
  const rows = traits.queryKeyNorm === "head" ? headDim : numAttentionHeads * headDim;
  const columns = values.length / rows;
  for (let at = 0; at < values.length; at++) {
    const row = Math.floor(at / columns);
    if (row % (headDim / 2) < rotaryDim / 2) values[at] *= multipliers.turning;
  }
}
