import { type Checkpoint, type ModelConfig, readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { resolve } from "node:path";
import { familyNamed } from "../../../../lib/engine/checkpoint/architecture/families.ts";
import { writeSafetensors } from "../../../../lib/engine/checkpoint/safetensors/encode_safetensors.ts";
import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { builtFolder } from "../../../../lib/files/built_folder.ts";
import { printNotice } from "../../../cli/print.ts";
import { decoderConfig } from "../decoder_config.ts";
import { PeerUnavailable } from "../output_of.ts";
import { pythonEnvironment, runPython } from "./environment.ts";

/** Raised whenever what is written changes. */
const FOLDER_VERSION = 1;

/**
 * The model as a folder that Hugging Face's libraries load, in the cache: config.json, float32 weights as
 * model.safetensors, the tokenizer's files. So peers in Python run the weights that this engine runs.
 *
 * @returns the folder's path
 */
export async function huggingFaceFolder({ path }: Pick<ResolvedModel, "path">): Promise<string> {
  using checkpoint = await readCheckpoint(path);
  const name = `peers/hugging_face/${checkpoint.hash.slice(0, 32)}-${FOLDER_VERSION}`;
  return await builtFolder(name, async (folder) => {
    const write = (file: string, value: unknown) => Deno.writeTextFile(`${folder}/${file}`, JSON.stringify(value));
    await write("config.json", configOf(checkpoint));
    await write("tokenizer.json", checkpoint.tokenizer.tokenizer);
    await write("tokenizer_config.json", {
      ...checkpoint.tokenizer.config,
      tokenizer_class: "PreTrainedTokenizerFast",
    });
    writeSafetensors(`${folder}/model.safetensors`, {
      dtype: "F32",
      shapes: [...checkpoint.tensors].map(([name, { shape }]) => [name, shape]),
      bytesOf: (name) => new Uint8Array(checkpoint.readTensor(name).buffer),
    });
  });
}

function configOf(checkpoint: Checkpoint): Record<string, unknown> {
  const { config } = checkpoint;
  const { huggingFace } = familyNamed(config.architecture);
  const ropeTheta = plainRopeTheta(config);
  if (ropeTheta === undefined) {
    throw new RangeError(
      `Cannot write ${config.architecture} for peers in Python as its weights were brought into another form: ` +
        `models of Llama's form, without scaled positions or windows, can be`,
    );
  }
  return {
    architectures: [huggingFace.className],
    ...decoderConfig(checkpoint),
    rope_theta: ropeTheta,
    rms_norm_eps: config.rmsNormEps,
    hidden_act: config.traits.activation,
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: null,
    eos_token_id: config.eosTokenIds.length === 1 ? config.eosTokenIds[0] : config.eosTokenIds,
    torch_dtype: "float32",
  };
}

/** The base of a model's rotary frequencies whose weights are its checkpoint's own; undefined of other models. */
function plainRopeTheta({ architecture, headDim, rotary, windows, multipliers }: ModelConfig): number | undefined {
  const { huggingFace, tensors } = familyNamed(architecture);
  const [frequencies] = rotary.kinds;
  const theta = frequencies[1] ** (-headDim / 2);
  const own = defaultFrequencies(headDim, theta);
  const plain = rotary.kinds.length === 1 &&
    own.every((frequency, pair) => Math.abs(frequency / frequencies[pair] - 1) < 1e-9) &&
    windows.every((window) => window === 0) && Object.values(multipliers).every((factor) => factor === 1) &&
    huggingFace.normOffset === undefined && tensors.packed === undefined;
  return plain ? Math.round(theta * 1e6) / 1e6 : undefined;
}

/** Raised whenever the builder or its settings change. */
const MODEL_VERSION = 1;

/**
 * The model as onnxruntime-genai's own builder makes it, in the cache: int4 weights in blocks of 32, products in 8 bits,
 * as this engine has them.
 *
 * @returns the folder's path
 */
export async function genaiFolder(model: ResolvedModel): Promise<string> {
  const source = await huggingFaceFolder(model);
  const environment = await pythonEnvironment("torch");
  const hash = source.slice(source.lastIndexOf("/") + 1);
  return await builtFolder(`peers/onnxruntime_genai/${hash}-int4-${MODEL_VERSION}`, async (folder) => {
    printNotice("onnxruntime-genai builds its model: a minute, once");
    const paths = ["-i", source, "-o", folder, "-c", `${folder}/downloads`];
    const format = ["-p", "int4", "-e", "cpu", "--extra_options", "int4_block_size=32", "int4_accuracy_level=4"];
    await runPython([...environment, "-m", "onnxruntime_genai.models.builder", ...paths, ...format]);
  });
}

/** Raised whenever the reader or what is kept changes. */
const OPENVINO_VERSION = 1;

/** Reads a GGUF as a pipeline does, and writes what it read beside it. */
const READ_GGUF =
  "import sys, openvino_genai; openvino_genai.LLMPipeline(sys.argv[1], 'CPU', enable_save_ov_model=True)";

/**
 * The model as OpenVINO GenAI reads it from its GGUF, in the cache. Its pipeline gives no logits; this, compiled as the
 * pipeline compiles it, does.
 *
 * @returns the folder's path
 * @throws {PeerUnavailable} if the model is no GGUF, or one that OpenVINO GenAI cannot read
 */
export async function openvinoFolder({ path }: Pick<ResolvedModel, "path">): Promise<string> {
  if (!path.endsWith(".gguf")) throw new PeerUnavailable("it reads GGUF files, and the model is none");
  using checkpoint = await readCheckpoint(path);
  const environment = await pythonEnvironment("openvino");
  const name = `peers/openvino_genai/${checkpoint.hash.slice(0, 32)}-${OPENVINO_VERSION}`;
  return await builtFolder(name, async (folder) => {
    const linked = `${folder}/model.gguf`;
    await Deno.symlink(resolve(path), linked);
    await runPython([...environment, "-c", READ_GGUF, linked]);
    await Deno.remove(linked);
  });
}
