import type { ResolvedModel } from "kvmirror/engine";
import { builtFolder } from "../../../lib/engine/built_folder.ts";
import { printNotice } from "../../print.ts";
import { pythonEnvironment, runPython } from "./environment.ts";
import { huggingFaceFolder } from "./hugging_face_folder.ts";

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
  const environment = await pythonEnvironment();
  const hash = source.slice(source.lastIndexOf("/") + 1);
  return await builtFolder(`peers/onnxruntime_genai/${hash}-int4-${MODEL_VERSION}`, async (folder) => {
    printNotice("onnxruntime-genai builds its model: a minute, once");
    const paths = ["-i", source, "-o", folder, "-c", `${folder}/downloads`];
    const format = ["-p", "int4", "-e", "cpu", "--extra_options", "int4_block_size=32", "int4_accuracy_level=4"];
    await runPython([...environment, "-m", "onnxruntime_genai.models.builder", ...paths, ...format]);
  });
}
