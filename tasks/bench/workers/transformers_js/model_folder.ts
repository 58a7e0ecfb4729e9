import type { Checkpoint, WeightFormat } from "kvmirror/engine";
import { WeightPlan, writeWeights } from "../../../../lib/engine/graph/model_files.ts";
import { builtFolder } from "../../../../lib/files/built_folder.ts";
import { decoderConfig } from "../decoder_config.ts";
import { buildGroupedQueryDecoder, DECODER_VERSION } from "./grouped_query_decoder.ts";

/** The weight formats that transformers.js has too. */
export type LibraryFormat = Exclude<WeightFormat, "file">;

/** What transformers.js calls a weight format, and the name it gives the model's file. */
export const LIBRARY_FORMATS = {
  f32: { dtype: "fp32", file: "model.onnx" },
  int8: { dtype: "q8", file: "model_quantized.onnx" },
  int4: { dtype: "q4", file: "model_q4.onnx" },
} as const satisfies Record<LibraryFormat, { dtype: string; file: string }>;

/**
 * A checkpoint as transformers.js loads it from a folder, in the cache and built if it is not there yet: config.json,
 * the tokenizer's files, and the decoder under `onnx/`.
 *
 * @returns the folder's path
 */
export function libraryFolder(checkpoint: Checkpoint, format: LibraryFormat): Promise<string> {
  const name = `peers/transformers_js/${checkpoint.hash.slice(0, 32)}-${format}-${DECODER_VERSION}`;
  return builtFolder(name, async (folder) => {
    const write = (file: string, value: unknown) => Deno.writeTextFile(`${folder}/${file}`, JSON.stringify(value));
    // Without an end token, so that every run gives as many tokens as it is asked for.
    await write("config.json", {
      ...decoderConfig(checkpoint),
      "transformers.js_config": { use_external_data_format: true },
    });
    await write("tokenizer.json", checkpoint.tokenizer.tokenizer);
    await write("tokenizer_config.json", checkpoint.tokenizer.config);
    await Deno.mkdir(`${folder}/onnx`);
    const { file } = LIBRARY_FORMATS[format];
    const plan = new WeightPlan(`${file}_data`);
    await Deno.writeFile(`${folder}/onnx/${file}`, buildGroupedQueryDecoder(checkpoint, format, plan));
    using weights = await Deno.open(`${folder}/onnx/${plan.location}`, { write: true, createNew: true });
    await writeWeights(weights, plan);
  });
}
