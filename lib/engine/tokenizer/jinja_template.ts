import { Environment, Interpreter, Template as Library } from "@huggingface/jinja";

type Node = Readonly<Record<string, unknown>>;
type Statement = Parameters<Interpreter["evaluate"]>[0];
type Value = ReturnType<Interpreter["evaluate"]>;

/** Characters of a template: the longest known stay below 100 KB. */
const MAX_TEMPLATE_LENGTH = 1 << 20;
/** Steps of a rendering: a public template takes some 100 a message; so many take about a second. */
const MAX_STEPS = 1_000_000;
/** Steps that the turn of a loop takes beside those in it. */
const TURN_STEPS = 10;
/** Characters or items that take as long as a step where they are copied. */
const COPIED_PER_STEP = 256;
/** Numbers of a `range`: Jinja's sandbox has this limit. */
const MAX_RANGE = 100_000;
/** Characters of a rendered text: far above any context. */
const MAX_LENGTH = 1 << 26;

/** A template of Jinja that is parsed: `parsed` is its tree. */
export type JinjaTemplate = Pick<Library, "parsed" | "render">;

/**
 * Parses a chat template (https://jinja.palletsprojects.com). A template is a program that comes with a model: this one
 * ends in any case. Where the library differs from Jinja in Python, it gives the same text: `{{ true }}` and `{{ none }}`,
 * `-7 % 3`, `x.strip("y")`; a list or an object is printed by `tojson` alone.
 *
 * @throws {RangeError} if the template is too long
 * @throws {SyntaxError} if it is malformed
 */
export function jinjaTemplate(text: string): JinjaTemplate {
  if (text.length > MAX_TEMPLATE_LENGTH) {
    throw new RangeError(`it has ${text.length} characters: the limit is ${MAX_TEMPLATE_LENGTH}`);
  }
  const { parsed, printing } = inOwnWords(() => {
    const { parsed } = new Library(text.replaceAll(/\r\n?/g, "\n")); // as Jinja reads it
    if (losesText(parsed)) {
      throw new SyntaxError(
        "it leaves a loop by break or continue behind a text of the same turn: supported is before one",
      );
    }
    return { parsed, printing: printed(parsed) as Library["parsed"] };
  });
  return {
    parsed,
    render: (items = {}) =>
      inOwnWords(() => {
        const interpreter = new LimitedInterpreter();
        for (const [name, value] of Object.entries({ ...GLOBALS, ...items })) interpreter.global.set(name, value);
        return String(interpreter.run(printing).value);
      }),
  };
}

/** The names that every template may use. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: (first: number, last?: number, step = 1) => {
    const [start, stop] = last === undefined ? [0, first] : [first, last];
    const length = Math.max(0, Math.ceil((stop - start) / step));
    if (!(length <= MAX_RANGE)) throw new Error(`it has a range of ${length} numbers: the limit is ${MAX_RANGE}`);
    return Array.from({ length }, (_, index) => start + index * step);
  },
  strftime_now: (format: string) => {
    const now = new Date();
    const month = (kind: "long" | "short") => now.toLocaleDateString("en-US", { month: kind });
    const two = (number: number) => `${number}`.padStart(2, "0");
    const parts: Readonly<Record<string, string>> = {
      ...{ Y: `${now.getFullYear()}`, m: two(now.getMonth() + 1), d: two(now.getDate()) },
      ...{ b: month("short"), B: month("long"), H: two(now.getHours()), M: two(now.getMinutes()), "%": "%" },
    };
    return format.replaceAll(/%([YmdbBHM%])/g, (_, part: string) => parts[part]);
  },
};

/** Keys of a template's tree under which statements stand whose values are printed. */
const BLOCKS: readonly string[] = ["body", "alternate", "defaultBlock"];
/** Statements that print themselves, or nothing. */
const STATEMENTS: readonly unknown[] = ["If", "For", "Set", "Macro", "CallStatement", "FilterStatement", "Break"]
  .concat(["Continue", "Comment", "StringLiteral"]);

/** The tree with a mark around each expression that is printed. */
function printed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(printed);
  if (node instanceof Map) return new Map([...node].map(([key, value]) => [printed(key), printed(value)]));
  if (!isNode(node)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, inner]) => {
      const walked = printed(inner);
      if (node.type === "For" && key === "body") return [key, [TURN, ...blockOf(walked)]];
      return [key, BLOCKS.includes(key) && Array.isArray(walked) ? blockOf(walked) : walked];
    }),
  );
}

/** Whether a loop is left behind what its turn has printed, which the library would drop. */
function losesText(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(losesText);
  if (node instanceof Map) return [...node].some(losesText);
  if (!isNode(node)) return false;
  return (node.type === "For" && leavesBehindText(node.body as Node[], false) === "leaves") ||
    Object.values(node).some(losesText);
}

/** Whether statements print something, and whether the loop that they are in is then left. */
function leavesBehindText(statements: readonly Node[], before: boolean): "leaves" | "prints" | "nothing" {
  let prints = before;
  for (const { type, body, alternate, value } of statements) {
    if ((type === "Break" || type === "Continue") && prints) return "leaves";
    if (type === "If") {
      const ways = [body, alternate].map((way) => leavesBehindText((way ?? []) as Node[], prints));
      if (ways.includes("leaves")) return "leaves";
      prints ||= ways.includes("prints");
    } else if (!SILENT.includes(type) && value !== "") prints = true;
  }
  return prints ? "prints" : "nothing";
}

/** Statements that print nothing. */
const SILENT: readonly unknown[] = ["Set", "Macro", "Comment", "Break", "Continue"];

/** A statement that does nothing. */
const NOTHING: Node = { type: "Comment", value: "" };
/** What stands first in each loop, so that its turns are counted. */
const TURN: Node = { type: "Turn" };

function blockOf(statements: unknown): Node[] {
  return (statements as Node[]).map((own) => STATEMENTS.includes(own.type) ? own : { type: "Printed", own });
}

/** The library's interpreter with limits, and with Python's results. */
class LimitedInterpreter extends Interpreter {
  #steps = 0;

  override evaluate(statement: Statement, environment: Environment): Value {
    if (++this.#steps > MAX_STEPS) throw new Error(`it takes more than ${MAX_STEPS} steps`);
    const node = (statement ?? {}) as unknown as Node;
    switch (node.type) {
      case "Printed":
        return pythonText(this.evaluate(node.own as Statement, environment));
      case "Turn":
        this.#steps += TURN_STEPS;
        return super.evaluate(NOTHING as unknown as Statement, environment);
      case "Evaluated":
        return node.value as Value;
      case "BinaryExpression":
        return this.#binary(node, environment);
      case "CallExpression":
        if (this.#strip(node, environment) === undefined) break;
        return this.#strip(node, environment)!;
    }
    const value = super.evaluate(statement, environment);
    if (value.type === "StringValue" || value.type === "ArrayValue") this.#copied(value.value as { length: number });
    return value;
  }

  #copied({ length }: { readonly length: number }): void {
    if (length > MAX_LENGTH) throw new Error(`it makes a text or a list of more than ${MAX_LENGTH}`);
    this.#steps += Math.floor(length / COPIED_PER_STEP);
  }

  #binary(node: Node, environment: Environment): Value {
    const operator = (node.operator as Node).value;
    if (operator !== "%" && operator !== "~") return this.#plain(node, environment);
    const left = this.evaluate(node.left as Statement, environment);
    const right = this.evaluate(node.right as Statement, environment);
    const [one, other] = operator === "~" ? [pythonText(left), pythonText(right)] : [left, right];
    const result = this.#plain({ ...node, left: evaluated(one), right: evaluated(other) }, environment);
    if (operator !== "%" || typeof result.value !== "number") return result;
    // Python's remainder has the divisor's sign.
    const divisor = Number(right.value);
    if (result.value !== 0 && Math.sign(result.value) !== Math.sign(divisor)) result.value += divisor;
    return result;
  }

  #plain(node: Node, environment: Environment): Value {
    return super.evaluate(node as unknown as Statement, environment);
  }

  /** `x.strip("y")` and its like, which the library does without what is in the parentheses. */
  #strip({ callee, args }: Node, environment: Environment): Value | undefined {
    const { type, object, property, computed } = callee as Node;
    const name = isNode(property) ? String(property.value) : "";
    const given = args as readonly Statement[];
    if (type !== "MemberExpression" || computed === true || given.length === 0) return undefined;
    if (name !== "strip" && name !== "lstrip" && name !== "rstrip") return undefined;
    const text = this.evaluate(object as Statement, environment);
    if (text.type !== "StringValue") return undefined;
    const characters = new Set(String(this.evaluate(given[0], environment).value));
    const letters = [...String(text.value)];
    let [start, end] = [0, letters.length];
    if (name !== "rstrip") { while (start < end && characters.has(letters[start])) start++; }
    if (name !== "lstrip") { while (end > start && characters.has(letters[end - 1])) end--; }
    return this.#text(letters.slice(start, end).join(""));
  }

  #text(value: string): Value {
    return super.evaluate({ type: "StringLiteral", value } as unknown as Statement, this.global);
  }
}

function evaluated(value: Value): Node {
  return { type: "Evaluated", value };
}

/** A value as it is printed: Python's words for truths and nothing. */
function pythonText(value: Value): Value {
  const words = value.type === "BooleanValue"
    ? (value.value ? "True" : "False")
    : value.type === "NullValue"
    ? "None"
    : "";
  if (words !== "") return new Environment().set("words", words);
  if (["ArrayValue", "TupleValue", "ObjectValue", "NamespaceValue", "FunctionValue"].includes(value.type)) {
    throw new Error("it prints a list or an object: supported is to print it with tojson");
  }
  return value;
}

/** Runs a part of the library; what V8 says of it is said in our words. */
function inOwnWords<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
    const what = /call stack/.test(error.message)
      ? "it nests too deep"
      : /string length|array length/i.test(error.message)
      ? "what it makes is too long"
      : "it is malformed";
    throw new SyntaxError(what, { cause: error });
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
