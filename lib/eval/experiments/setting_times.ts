import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type KvCache, type Model, recordingsFor } from "../../engine/mod.ts";
import { median } from "../../numeric/median.ts";
import type { Policy } from "../../policies/policy.ts";
import { checkSetting, type Setting, type SettingName, settingName } from "../run/setting.ts";
import { decodeTimes } from "./decode_times.ts";

/** What a setting costs in time and bytes. */
export interface SettingTime extends SettingName {
  /**
   * ms until the compressed cache is ready: the text is read with what the policy records, looked at again where the
   * policy does, and its rows are chosen and rounded. The median of the turns.
   */
  readonly ready_ms: number;
  /** ms of a greedy token after that, the median of the turns' medians. */
  readonly ms_per_token: number;
  /** Bytes of the compressed cache. */
  readonly live_bytes: number;
}

/** Options of {@linkcode settingTimes}. */
export interface SettingTimesOptions {
  /** How often every setting takes its turn; 3 by default. */
  readonly turns?: number;
  /** Tokens that are decoded each turn; 16 by default. */
  readonly tokens?: number;
}

const SETTING_TIMES_OPTIONS: OptionNames<SettingTimesOptions> = { turns: true, tokens: true };

/**
 * Times settings on a text, in turns, so that what else the machine does falls on all of them; a turn before the first is
 * not counted. Compare them with each other: the milliseconds are this machine's.
 *
 * @param ids the text, read afresh for each setting and turn
 * @throws {RangeError} if turns or tokens are no whole number of at least 1, or the text and the tokens do not fit the context
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { settingTimes } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const settings = ["keydiff", "kvzip"].map((name) => ({ policy: policy(name), compressionRatio: 0.75 }));
 * const times = await settingTimes(model, model.tokenizer.encode("A text. ".repeat(20)), settings, { turns: 1, tokens: 2 });
 * assertEquals(times.map(({ policy }) => policy), ["keydiff", "kvzip"]);
 * ```
 */
export async function settingTimes(
  model: Pick<Model, "read" | "createCache" | "generateFrom">,
  ids: readonly number[],
  settings: readonly Setting<Policy>[],
  options: SettingTimesOptions = {},
): Promise<SettingTime[]> {
  checkOptions("settingTimes", options, SETTING_TIMES_OPTIONS);
  const { turns = 3, tokens = 16 } = options;
  for (const [name, value] of Object.entries({ turns, tokens })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new RangeError(`Cannot time settings with ${name} ${value} as it must be a whole number of at least 1`);
  }
  settings.forEach(checkSetting);
  const measured = settings.map(() => ({ ready: [] as number[], token: [] as number[], liveBytes: 0 }));
  for (let turn = 0; turn <= turns; turn++) {
    for (const [index, setting] of settings.entries()) {
      const started = performance.now();
      using cache = await compressed(model, ids, setting);
      const ready = performance.now() - started;
      const token = median(await decodeTimes(model, cache, tokens));
      measured[index].liveBytes = cache.liveBytes;
      if (turn === 0) continue;
      measured[index].ready.push(ready);
      measured[index].token.push(token);
    }
  }
  return measured.map(({ ready, token, liveBytes }, index) => ({
    ...settingName(settings[index]),
    ready_ms: median(ready),
    ms_per_token: median(token),
    live_bytes: liveBytes,
  }));
}

/** A cache of a text that was read for a setting, and compressed under it. */
async function compressed(
  model: Pick<Model, "read" | "createCache">,
  ids: readonly number[],
  { policy, compressionRatio, cacheDtype }: Setting<Policy>,
): Promise<KvCache> {
  const cache = model.createCache(recordingsFor(policy.signals));
  try {
    await model.read(cache, ids);
    await cache.observe(policy);
    cache.compress(policy, { compressionRatio });
    if (cacheDtype !== undefined) cache.quantize(cacheDtype);
    return cache;
  } catch (error) {
    cache[Symbol.dispose]();
    throw error;
  }
}
