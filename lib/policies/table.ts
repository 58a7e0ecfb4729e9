import { cannotFind } from "../numeric/nearest_name.ts";
import { adakv, ADAKV_OPTIONS } from "./adakv.ts";
import { ATTENTION_PROBE_OPTIONS, attentionProbe } from "./attention_probe.ts";
import { block, BLOCK_OPTIONS } from "./block.ts";
import { cap, CAP_OPTIONS } from "./cap.ts";
import { chunk, CHUNK_OPTIONS } from "./chunk.ts";
import { chunkkv, CHUNKKV_OPTIONS } from "./chunkkv.ts";
import { compactor, COMPACTOR_OPTIONS } from "./compactor.ts";
import { criticalkv, CRITICALKV_OPTIONS } from "./criticalkv.ts";
import { cur, CUR_OPTIONS } from "./cur.ts";
import { definePolicy } from "./define_policy.ts";
import { DUO_ATTENTION_OPTIONS, duoAttention } from "./duo_attention.ts";
import { EXPECTED_ATTENTION_OPTIONS, expectedAttention } from "./expected_attention.ts";
import { globalkv } from "./globalkv.ts";
import { h2o, H2O_OPTIONS } from "./h2o.ts";
import { heavyHitter } from "./heavy_hitter.ts";
import { hybrid } from "./hybrid.ts";
import { keepAll } from "./keep_all.ts";
import { keydiff } from "./keydiff.ts";
import { knorm } from "./knorm.ts";
import { kvzap, KVZAP_OPTIONS } from "./kvzap.ts";
import { kvzip, KVZIP_OPTIONS, kvzipPlus } from "./kvzip.ts";
import { lagkv, LAGKV_OPTIONS } from "./lagkv.ts";
import { leverage, LEVERAGE_OPTIONS } from "./leverage.ts";
import { nonCausal } from "./non_causal.ts";
import { observedAttention } from "./observed_attention.ts";
import { oracle } from "./oracle.ts";
import type { Policy } from "./policy.ts";
import { policyText } from "./policy_text.ts";
import { checkNumbers } from "./options.ts";
import { protect, PROTECT_OPTIONS } from "./protect.ts";
import { pyramid, PYRAMID_OPTIONS } from "./pyramid.ts";
import { pyramidkv, PYRAMIDKV_OPTIONS } from "./pyramidkv.ts";
import { qfilter } from "./qfilter.ts";
import { random, RANDOM_OPTIONS } from "./random.ts";
import { recentWindow } from "./recent_window.ts";
import { simlayerkv, SIMLAYERKV_OPTIONS } from "./simlayerkv.ts";
import { snapkv, SNAPKV_OPTIONS } from "./snapkv.ts";
import { STREAMING_LLM_OPTIONS, streamingLlm } from "./streaming_llm.ts";
import { threshold, THRESHOLD_OPTIONS } from "./threshold.ts";
import { TOKEN_POLICY_OPTIONS } from "./token_policy.ts";
import { tova } from "./tova.ts";

/**
 * The numbers of a policy by the names that flags, JSON and parentheses share: `windowSize`, `topk`, `sinkTokens`, ….
 * `POLICIES[name].options` lists them with their defaults; a policy refuses every other name.
 */
export type PolicyOptions = Readonly<Record<string, number | undefined>>;

/** One line of the table. */
export interface PolicyEntry {
  /** Makes the policy. */
  readonly create: (options?: PolicyOptions) => Policy;
  /** The options it takes, each with its default. */
  readonly options: Readonly<Record<string, number | string>>;
  /** Of a policy whose code is not this project's: a hash of that code, by which its results are told apart. */
  readonly contentHash?: string;
}

/** One wrapper of the table. */
export interface WrapperEntry {
  /** Wraps a policy. */
  readonly create: (policy: Policy, options?: Readonly<Record<string, number>>) => Policy;
  /** The options it takes, each with its default. */
  readonly options: Readonly<Record<string, number>>;
}

/** Every policy by name. */
export const POLICIES: Readonly<Record<string, PolicyEntry>> = {
  keep_all: plain(keepAll),
  oracle: plain(oracle),
  random: { create: random, options: RANDOM_OPTIONS },
  recent_window: { create: recentWindow, options: TOKEN_POLICY_OPTIONS },
  heavy_hitter: { create: heavyHitter, options: TOKEN_POLICY_OPTIONS },
  hybrid: { create: hybrid, options: TOKEN_POLICY_OPTIONS },
  streaming_llm: { create: streamingLlm, options: STREAMING_LLM_OPTIONS },
  observed_attention: plain(observedAttention),
  h2o: { create: h2o, options: H2O_OPTIONS },
  tova: plain(tova),
  snapkv: { create: snapkv, options: SNAPKV_OPTIONS },
  pyramidkv: { create: pyramidkv, options: PYRAMIDKV_OPTIONS },
  knorm: plain(knorm),
  keydiff: plain(keydiff),
  lagkv: { create: lagkv, options: LAGKV_OPTIONS },
  cur: { create: cur, options: CUR_OPTIONS },
  leverage: { create: leverage, options: LEVERAGE_OPTIONS },
  non_causal: plain(nonCausal),
  compactor: { create: compactor, options: COMPACTOR_OPTIONS },
  expected_attention: { create: expectedAttention, options: EXPECTED_ATTENTION_OPTIONS },
  cap: { create: cap, options: CAP_OPTIONS },
  kvzip: { create: kvzip, options: KVZIP_OPTIONS },
  kvzip_plus: { create: kvzipPlus, options: KVZIP_OPTIONS },
  kvzap: { create: kvzap, options: KVZAP_OPTIONS },
  qfilter: plain(qfilter),
  attention_probe: { create: attentionProbe, options: ATTENTION_PROBE_OPTIONS },
  duo_attention: { create: duoAttention, options: DUO_ATTENTION_OPTIONS },
  simlayerkv: { create: simlayerkv, options: SIMLAYERKV_OPTIONS },
};

/** Every wrapper by name: `adakv(snapkv)` is the policy snapkv, wrapped. */
export const WRAPPERS: Readonly<Record<string, WrapperEntry>> = {
  adakv: { create: adakv, options: ADAKV_OPTIONS },
  chunkkv: { create: chunkkv, options: CHUNKKV_OPTIONS },
  chunk: { create: chunk, options: CHUNK_OPTIONS },
  block: { create: block, options: BLOCK_OPTIONS },
  threshold: { create: threshold, options: THRESHOLD_OPTIONS },
  criticalkv: { create: criticalkv, options: CRITICALKV_OPTIONS },
  pyramid: { create: pyramid, options: PYRAMID_OPTIONS },
  globalkv: {
    create: (policy, options = {}) => {
      checkNumbers("wrapper globalkv", options, {});
      return globalkv(policy);
    },
    options: {},
  },
  protect: { create: protect, options: PROTECT_OPTIONS },
};

/** The line of a policy that takes no options. */
function plain(create: () => Policy): PolicyEntry {
  return {
    create: (options = {}) => {
      const made = create();
      checkNumbers(`policy ${made.name}`, options, {});
      return made;
    },
    options: {},
  };
}

/** The names of all policies, in the table's order. */
export function policyNames(): string[] {
  return Object.keys(POLICIES);
}

/**
 * Looks a policy up by name; numbers of its own and of its wrappers may stand in the parentheses.
 *
 * @param options of the innermost policy
 * @param own policies beside the table's, by the names that may call them
 * @throws {RangeError} if there is no such policy, or it does not take a number
 * @throws {SyntaxError} if the name cannot be read
 * @throws {TypeError} if a policy does not take an option, or a wrapper cannot wrap the policy
 *
 * @example
 * ```ts
 * import { policy } from "kvmirror/policies";
 *
 * const ofABudget = policy("hybrid");
 * const ofItsOwnNumbers = policy("hybrid", { windowSize: 192, topk: 96 });
 * const wrapped = policy("adakv(snapkv)");
 * const withNumbers = policy("protect(snapkv(windowSize=32), sinks=8)");
 * ```
 */
export function policy(
  name: string,
  options: PolicyOptions = {},
  own: Readonly<Record<string, PolicyEntry>> = {},
): Policy {
  const entry = policyEntry(name, own);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  checkNumbers(`policy ${name}`, given, entry.options);
  const made = entry.create(given);
  const { contentHash } = entry;
  MADE_OF.set(made, contentHash === undefined ? given as Readonly<Record<string, number>> : { ...given, contentHash });
  return made;
}

/** What {@linkcode policy} made a policy of beside the name. */
const MADE_OF = new WeakMap<Policy, Readonly<Record<string, number | string>>>();

/**
 * What {@linkcode policy} made a policy of beside its name: options, and the hash of its code where that is not this
 * project's. With both, it can be made again. Undefined for a policy that was made elsewhere, whose name says nothing of
 * what it does.
 */
export function madeOf(made: Policy): Readonly<Record<string, number | string>> | undefined {
  return MADE_OF.get(made);
}

/**
 * The table's line for a policy, or for a policy in wrappers.
 *
 * @param own policies beside the table's, by the names that may call them
 * @throws {RangeError} if there is no such policy or wrapper; the message names the nearest
 * @throws {SyntaxError} if the name cannot be read
 * @throws {TypeError} if it does not take an option; from `create`, if the wrapper cannot wrap the policy
 */
export function policyEntry(text: string, own: Readonly<Record<string, PolicyEntry>> = {}): PolicyEntry {
  const { name, inner, options } = policyText(text);
  const policies = { ...own, ...POLICIES };
  const numbered = (made: Policy) => Object.keys(options).length === 0 ? made : renamed(made, text);
  if (Object.hasOwn(policies, name)) {
    const entry = policies[name];
    if (inner !== undefined) {
      throw new RangeError(`Cannot wrap ${inner} in ${name} as it is a policy: wrappers are ${wrapperNames()}`);
    }
    checkNumbers(`policy ${name}`, options, entry.options);
    return { ...entry, create: (further) => numbered(entry.create({ ...options, ...further })) };
  }
  if (!Object.hasOwn(WRAPPERS, name)) {
    if (inner !== undefined) throw unknown("wrapper", name, WRAPPERS);
    throw unknown("policy", name, policies);
  }
  if (inner === undefined) {
    throw new RangeError(`Cannot use ${name} by itself as it wraps another policy: write it like ${name}(snapkv)`);
  }
  const wrapper = WRAPPERS[name];
  checkNumbers(`wrapper ${name}`, options, wrapper.options);
  const wrapped = policyEntry(inner, own);
  return { ...wrapped, create: (further) => numbered(wrapper.create(wrapped.create(further), options)) };
}

/** Numbers of its own belong to the name, as results are told apart by it. */
function renamed(made: Policy, name: string): Policy {
  return made.definition === undefined ? { ...made, name } : definePolicy({ ...made.definition, name });
}

function unknown(kind: "policy" | "wrapper", name: string, table: object): RangeError {
  return new RangeError(cannotFind(kind, name, Object.keys(table)));
}

function wrapperNames(): string {
  return Object.keys(WRAPPERS).join(", ");
}
