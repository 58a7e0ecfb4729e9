import type { ByteSource } from "../../../files/byte_source.ts";
import type { Checkpoint, ModelConfig, TensorInfo } from "../checkpoint.ts";
import { readBlocks, readValues, TENSOR_FORMATS } from "../tensor_format.ts";
import { familyNamed } from "./families.ts";
import type { ContainerForm, FamilyTensor, RowNumbers, Width } from "./family.ts";

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
  };
  const expected = new Map<string, readonly number[]>();
  for (const { name, tensor } of familyTensors(config)) {
    if (tensor.when?.(config) ?? true) expected.set(name, tensor.shape.map((width) => widths[width]));
  }
  return expected;
}

/** Hugging Face's names of the family's tensors, by llama.cpp's (`blk.0.attn_q.weight`). */
export function huggingFaceNames(config: ModelConfig): ReadonlyMap<string, string> {
  return new Map([...familyTensors(config)].map(({ name, gguf }) => [gguf, name]));
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
    if (found.shape.join() !== shape.join()) {
      throw new SyntaxError(
        `Cannot use the checkpoint as the tensor ${name} must be [${shape}]: current shape is [${found.shape}]`,
      );
    }
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
  { rows, fold }: ContainerForm = {},
): Pick<Checkpoint, "readTensor" | "readBlocks"> {
  const stored = (name: string): StoredTensor => {
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw new RangeError(`Cannot read the tensor ${name} as the checkpoint has none of it`);
  };
  const ordered = <Numbers extends RowNumbers>(name: string, numbers: Numbers) =>
    rows?.(name, numbers, config) ?? numbers;
  const formed = (name: string, values: Float32Array<ArrayBuffer>) => {
    const own = ordered(name, values);
    return fold?.(name, own, config) ?? own;
  };
  return {
    readTensor: (name) => {
      const { source, offset, count, dtype } = stored(name);
      return formed(name, readValues(source, offset, count, TENSOR_FORMATS[dtype]));
    },
    readBlocks: (name) => {
      const { source, offset, count, dtype } = stored(name);
      const blocks = readBlocks(source, offset, count, TENSOR_FORMATS[dtype]);
      return blocks && {
        groupLength: blocks.groupLength,
        levels: ordered(name, blocks.levels),
        scales: formed(name, blocks.scales),
        mins: formed(name, blocks.mins),
      };
    },
  };
}
