import type { ByteSource } from "../../../files/byte_source.ts";
import { createFields } from "../../../files/fields.ts";
import { familyNamed } from "../architecture/families.ts";
import {
  checkTensors,
  cutPacked,
  huggingFaceNames,
  type StoredTensor,
  tensorReaders,
} from "../architecture/tensors.ts";
import type { CheckpointContent } from "../checkpoint.ts";
import { ggufConfig, ROPE_TENSORS } from "./gguf_config.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import { type Gguf, type GgufTensor, type Metadata, readGguf } from "./read_gguf.ts";
import { quoted } from "../../../files/quoted.ts";

/**
 * Reads a GGUF file's configuration, tokenizer and table of tensors under Hugging Face's names; weights are read when
 * asked for.
 *
 * @param sources the file, or all parts of a split one in their order
 * @throws {SyntaxError} if the file is malformed, or its tensors do not fit its configuration
 * @throws {RangeError} if the engine does not run the model
 */
export function ggufCheckpoint(...sources: readonly ByteSource[]): CheckpointContent {
  const gguf = joinParts(sources.map((source) => ({ source, ...readGguf(source) })));
  checkGeneral(gguf.metadata);
  const config = ggufConfig(gguf);
  const names = huggingFaceNames(config);
  const stored = new Map<string, StoredTensor>();
  for (const tensor of gguf.tensors.values()) {
    if (ROPE_TENSORS.has(tensor.name)) continue;
    const name = names.get(tensor.name) ?? tensor.name;
    if (stored.has(name)) throw new SyntaxError(`Cannot read GGUF as it holds ${name} under two names`);
    stored.set(name, tensor);
  }
  const tensors = cutPacked(config, stored);
  checkTensors(config, tensors);
  return {
    config,
    tensors,
    tokenizer: ggufTokenizer(gguf.metadata),
    ...tensorReaders(config, tensors, familyNamed(config.architecture).gguf),
  };
}

/** The version of the formats of tensors (GGML_QNT_VERSION): older ones are laid out otherwise. */
const QUANTIZATION_VERSION = 2;

/** Throws a RangeError where the file is no model, or its tensors are of another version. */
function checkGeneral(metadata: Metadata): void {
  for (const [key, supported] of [["general.type", "model"], ["general.quantization_version", QUANTIZATION_VERSION]]) {
    const value = metadata.get(`${key}`) ?? supported;
    if (value === supported) continue;
    throw new RangeError(`Cannot run this GGUF as ${key} is ${quoted(value)}: supported is ${supported}`);
  }
}

/** llama-gguf-split's names: `model-00001-of-00003.gguf`. */
const PART_NAME = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** Parts of one model: the largest known has some 200. */
const MAX_PARTS = 1024;

/**
 * The names of all parts of the model that a file is a part of, in their order; of a file that is a whole model, its own.
 *
 * @param name a file's name or path, such as `model-00002-of-00003.gguf`
 * @throws {RangeError} if the name counts more parts than any model has, or is not one of them
 */
export function partNames(name: string): string[] {
  const [, stem, own, all, suffix] = PART_NAME.exec(name) ?? [];
  if (stem === undefined) return [name];
  const [part, count] = [Number(own), Number(all)];
  if (part < 1 || part > count || count > MAX_PARTS) {
    throw new RangeError(
      `Cannot open part ${part} of ${count}: parts are numbered from 1, and there are at most ${MAX_PARTS}`,
    );
  }
  const digits = (number: number) => `${number}`.padStart(5, "0");
  return Array.from({ length: count }, (_, index) => `${stem}-${digits(index + 1)}-of-${all}${suffix}`);
}

/** One file of a GGUF model: all of it, or a part. */
interface GgufPart extends Gguf {
  readonly source: ByteSource;
}

/** A GGUF model in one file or several, as if it were one. */
interface JoinedGguf extends Gguf {
  readonly tensors: ReadonlyMap<string, GgufTensor & { readonly source: ByteSource }>;
}

/**
 * Joins the tables of contents of all parts of a GGUF model, the first part first: it has the metadata.
 *
 * @throws {SyntaxError} if they do not make up one model
 * @throws {RangeError} if a file is one part of several that are not there
 */
function joinParts(parts: readonly GgufPart[]): JoinedGguf {
  parts.forEach((part, index) => checkPart(part, index, parts));
  const tensors = new Map<string, GgufTensor & { readonly source: ByteSource }>();
  for (const { source, tensors: own } of parts) {
    for (const tensor of own.values()) {
      if (tensors.has(tensor.name)) throw new SyntaxError(`Cannot join the parts as two of them hold ${tensor.name}`);
      tensors.set(tensor.name, { ...tensor, source });
    }
  }
  const [{ version, metadata }] = parts;
  const count = createFields((key) => metadata.get(key), "the GGUF metadata").integer(
    "split.tensors.count",
    tensors.size,
  );
  if (count !== tensors.size) {
    throw new SyntaxError(
      `Cannot join the parts as they hold ${tensors.size} tensors: split.tensors.count of the first is ${count}`,
    );
  }
  return { version, metadata, tensors };
}

/** Checks that a part says it is this one of so many, and nothing of another model than the first part's. */
function checkPart({ metadata }: Gguf, index: number, [first, ...others]: readonly Gguf[]): void {
  const count = others.length + 1;
  const fields = createFields((key) => metadata.get(key), `the GGUF metadata of part ${index + 1}`);
  const [own, all] = [fields.integer("split.no", 0), fields.integer("split.count", 1)];
  if (count === 1 && all > 1) {
    throw new RangeError(
      `Cannot open this GGUF by itself as it is part ${own + 1} of ${all}: ` +
        `put the parts side by side, named like model-00001-of-0000${all}.gguf`,
    );
  }
  if (count > 1 && (own !== index || all !== count)) {
    throw new SyntaxError(
      `Cannot join the parts as part ${index + 1} of ${count} says it is part ${
        own + 1
      } of ${all} (split.no, split.count)`,
    );
  }
  for (const [key, value] of metadata) {
    if (index === 0 || key.startsWith("split.") || key === "general.alignment") continue;
    const firsts = first.metadata.get(key);
    if (JSON.stringify(firsts) === JSON.stringify(value)) continue;
    const [here, there] = [value, firsts].map(quoted);
    throw new SyntaxError(
      `Cannot join the parts as part ${index + 1} is of another model: its ${key} is ${here}, part 1's is ${there}`,
    );
  }
}
