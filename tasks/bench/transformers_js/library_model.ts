import { AutoModelForCausalLM, BaseStreamer, env, type PreTrainedModel, Tensor } from "@huggingface/transformers";
import type { WeightFormat } from "kvmirror/engine";
import { LIBRARY_FORMATS } from "./model_folder.ts";

/** A model that transformers.js runs, from a folder on this machine. */
export interface LibraryModel extends AsyncDisposable {
  /** Generates greedily; `onToken` is called as each token comes, and once before with the prompt's. */
  generate(ids: readonly number[], count: number, onToken: (ids: readonly number[]) => void): Promise<void>;
  /** The last token's logits, `[vocab]`. */
  logits(ids: readonly number[]): Promise<Float32Array>;
}

/** Opens what `libraryFolder` built; nothing is fetched. */
export async function openLibraryModel(folder: string, format: WeightFormat): Promise<LibraryModel> {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useFSCache = false;
  env.localModelPath = folder.slice(0, folder.lastIndexOf("/") + 1);
  const model: PreTrainedModel = await AutoModelForCausalLM.from_pretrained(
    folder.slice(folder.lastIndexOf("/") + 1),
    {
      dtype: LIBRARY_FORMATS[format].dtype,
      device: "cpu",
      local_files_only: true,
      session_options: { intraOpNumThreads: navigator.hardwareConcurrency, logSeverityLevel: 3 },
    },
  );
  const inputs = (ids: readonly number[]) => ({
    input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), [1, ids.length]),
  });
  return {
    generate: async (ids, count, onToken) => {
      // The library's types ask for a TextStreamer and know no input_ids; its code takes these.
      const parameters: Record<string, unknown> = {
        ...inputs(ids),
        max_new_tokens: count,
        do_sample: false,
        streamer: new CallbackStreamer(onToken),
      };
      await model.generate(parameters);
    },
    logits: async (ids) => {
      const keep = new Tensor("int64", BigInt64Array.of(1n), []);
      const { logits } = await model({ ...inputs(ids), num_logits_to_keep: keep });
      return logits.data;
    },
    [Symbol.asyncDispose]: async () => void await model.dispose(),
  };
}

class CallbackStreamer extends BaseStreamer {
  readonly #onToken: (ids: readonly number[]) => void;

  constructor(onToken: (ids: readonly number[]) => void) {
    super();
    this.#onToken = onToken;
  }

  override put(ids: bigint[][]): void {
    this.#onToken(ids[0].map(Number));
  }

  override end(): void {}
}
