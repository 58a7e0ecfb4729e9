import { openFileSource } from "../../files/byte_source.ts";
import { type ContentFile, contentHash } from "../../files/hash.ts";
import type { Checkpoint, CheckpointContent } from "./checkpoint.ts";
import { ggufCheckpoint, partNames } from "./gguf/gguf_checkpoint.ts";
import { openHuggingFaceFolder, safetensorsCheckpoint } from "./safetensors/hugging_face_checkpoint.ts";

/**
 * Opens a checkpoint: a GGUF file, all parts of a split one by the path of any, or a Hugging Face folder with config.json, tokenizer.json and safetensors. Weights
 * are read on demand; the files stay open until the checkpoint is disposed of.
 *
 * @throws {SyntaxError} if a file is malformed, or its tensors do not fit the configuration
 * @throws {RangeError} if there is nothing at the path, or the model is not supported
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const info = await Deno.stat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new RangeError(`Cannot open the checkpoint ${path} as there is no such file or folder`);
  });
  using opened = new DisposableStack();
  try {
    const { content, files } = info.isDirectory ? openFolder(path, opened) : openFile(path, opened);
    const hash = await contentHash(files);
    const kept = opened.move();
    return { ...content, path, hash, [Symbol.dispose]: () => kept.dispose() };
  } catch (error) {
    if (error instanceof SyntaxError) throw new SyntaxError(describe(path, error), { cause: error });
    if (error instanceof RangeError) throw new RangeError(describe(path, error), { cause: error });
    throw error;
  }
}

/** The most characters of a message: names in a damaged file may have any length. */
const MAX_MESSAGE_LENGTH = 500;

/** Makes one line of printable text of a message, which may hold any name from the file. */
function describe(path: string, { message }: Error): string {
  const printable = message.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
  const short = printable.length > MAX_MESSAGE_LENGTH ? `${printable.slice(0, MAX_MESSAGE_LENGTH)}…` : printable;
  return `${path}: ${short}`;
}

interface Opened {
  readonly content: CheckpointContent;
  readonly files: readonly ContentFile[];
}

function openFile(path: string, opened: DisposableStack): Opened {
  const name = path.replaceAll("\\", "/").split("/").at(-1) ?? path;
  if (/\.(safetensors|json)$/.test(name)) {
    throw new RangeError(
      `Cannot open ${name} by itself: give the folder it is in, with config.json and tokenizer.json`,
    );
  }
  const folder = path.slice(0, path.length - name.length);
  const files = partNames(name).map((part) => ({ name: part, path: folder + part }));
  const sources = files.map((part) => {
    try {
      return opened.use(openFileSource(part.path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new RangeError(
        `Cannot open the model as its part ${part.name} is missing: put all ${files.length} parts side by side`,
      );
    }
  });
  return { content: ggufCheckpoint(...sources), files };
}

function openFolder(path: string, opened: DisposableStack): Opened {
  const { parts, files } = openHuggingFaceFolder(path, opened);
  return { content: safetensorsCheckpoint(parts), files: files.map((name) => ({ name, path: `${path}/${name}` })) };
}
