import { AutoModelForCausalLM, BaseStreamer, env, type PreTrainedModel, Tensor } from "@huggingface/transformers";
import { LIBRARY_FORMATS, type LibraryFormat } from "./model_folder.ts";

/** A model that transformers.js runs, from a folder on this machine. */
export interface LibraryModel extends AsyncDisposable {
  /**
   * Generates greedily; `onToken` is called as each token comes, and once before with the prompt's.
   *
   * @returns what the cache takes at the end
   */
  generate(
    ids: readonly number[],
    count: number,
    onToken: (ids: readonly number[]) => void,
  ): Promise<{ readonly cacheBytes: number }>;
  /** Logits after the last so many tokens, `[count, vocab]`; one by default. */
  logits(ids: readonly number[], count?: number): Promise<Float32Array>;
}

/** Opens what `libraryFolder` built; nothing is fetched. */
export async function openLibraryModel(folder: string, format: LibraryFormat): Promise<LibraryModel> {
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
        return_dict_in_generate: true,
      };
      const { past_key_values: cache } = await model.generate(parameters) as unknown as {
        past_key_values: LibraryCache;
      };
      const tensors = Object.values(cache as Readonly<Record<string, { readonly size: number }>>);
      const cacheBytes = 4 * tensors.reduce((sum, { size }) => sum + size, 0);
      await cache.dispose();
      return { cacheBytes };
    },
    logits: async (ids, count = 1) => {
      const keep = new Tensor("int64", BigInt64Array.of(BigInt(count)), []);
      const { logits } = await model({ ...inputs(ids), num_logits_to_keep: keep });
      return logits.data;
    },
    [Symbol.asyncDispose]: async () => void await model.dispose(),
  };
}

/** The library's cache: its own properties are float32 tensors. */
type LibraryCache = object & { dispose(): Promise<void> };

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
