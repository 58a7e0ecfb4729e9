import type { JinjaTemplate } from "./jinja_template.ts";

/** A value that a chat template's variable can be given. */
export type TemplateValue = boolean | number | string;

/** Values for variables of a chat template, by name: `{ enable_thinking: false }`. */
export type TemplateArguments = Readonly<Record<string, TemplateValue>>;

/** A variable that the chat template does not read. */
export class TemplateArgumentError extends RangeError {}

/** Names that Jinja or the engine gives every template. */
const GIVEN: readonly string[] = [
  ...["messages", "add_generation_prompt", "continue_final_message", "tools", "documents"],
  ...["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"],
  ...["true", "false", "none", "True", "False", "None", "loop", "caller"],
  ...["range", "namespace", "raise_exception", "strftime_now", "dict", "cycler", "joiner"],
];

/**
 * Checks that the chat template reads every variable that a value is given for.
 *
 * @param template the template; undefined where the model has none
 * @throws {TemplateArgumentError} naming the first variable that it does not read, and those that it reads
 */
export function checkTemplateArguments(template: JinjaTemplate | undefined, given: TemplateArguments): void {
  const names = Object.keys(given);
  if (names.length === 0) return;
  if (template === undefined) {
    throw new TemplateArgumentError(`Cannot give the chat template ${names[0]} as the model has none: leave it out`);
  }
  const read = templateVariables(template);
  const unread = names.find((name) => !read.includes(name));
  if (unread === undefined) return;
  throw new TemplateArgumentError(
    `Cannot give the chat template ${unread} as it does not read it: ` +
      (read.length === 0 ? "it reads no variable" : `the variables that it reads are ${read.join(", ")}`),
  );
}

/** The variables that a template reads and nobody but its caller gives a value, in the order of their first use. */
export function templateVariables(template: JinjaTemplate): string[] {
  const found = new Set<string>();
  visit(template.parsed, new Set(GIVEN), found);
  return [...found];
}

type Node = Readonly<Record<string, unknown>>;

/** Collects names that are read before they are bound; a statement's names stay bound for the statements behind it. */
function visit(node: unknown, bound: Set<string>, found: Set<string>): void {
  if (Array.isArray(node)) return node.forEach((inner) => visit(inner, bound, found));
  if (node instanceof Map) return node.forEach((value, key) => visit([key, value], bound, found));
  if (!isNode(node)) return;
  const inside = (parts: unknown, names: readonly string[]) => visit(parts, new Set([...bound, ...names]), found);
  switch (node.type) {
    case "Identifier":
      if (!bound.has(String(node.value))) found.add(String(node.value));
      return;
    case "MemberExpression":
      return visit([node.object, node.computed ? node.property : []], bound, found);
    case "CallExpression": // a function that nobody defined is no variable
      return visit([isIdentifier(node.callee) ? [] : node.callee, node.args], bound, found);
    case "KeywordArgumentExpression":
      return visit(node.value, bound, found);
    case "FilterExpression":
      return visit([node.operand, argumentsOf(node.filter)], bound, found);
    case "FilterStatement":
      return visit([argumentsOf(node.filter), node.body], bound, found);
    case "TestExpression":
      return visit(node.operand, bound, found);
    case "Set": {
      visit([node.value, node.body], bound, found);
      const names = identifiers(node.assignee);
      if (names.length === 0) visit(node.assignee, bound, found); // a namespace's field
      for (const name of names) bound.add(name);
      return;
    }
    case "For":
      visit(forIterable(node.iterable), bound, found);
      inside([forTest(node.iterable), node.body], identifiers(node.loopvar));
      return visit(node.defaultBlock, bound, found);
    case "Macro":
      for (const name of identifiers(node.name)) bound.add(name);
      visit(defaultsOf(node.args), bound, found);
      return inside(node.body, identifiers(node.args));
    case "CallStatement":
      visit(node.call, bound, found);
      return inside(node.body, identifiers(node.callerArgs));
    default:
      return Object.entries(node).forEach(([key, value]) => key === "operator" || visit(value, bound, found));
  }
}

/** `{% for x in list if test %}` is a select expression whose test sees the loop's variable. */
function forIterable(iterable: unknown): unknown {
  return isNode(iterable) && iterable.type === "SelectExpression" ? iterable.lhs : iterable;
}

function forTest(iterable: unknown): unknown {
  return isNode(iterable) && iterable.type === "SelectExpression" ? iterable.test : [];
}

/** The names that a loop, a macro or an assignment binds. */
function identifiers(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(identifiers);
  if (!isNode(node)) return [];
  if (node.type === "KeywordArgumentExpression") return identifiers(node.key);
  if (node.type === "TupleLiteral") return identifiers(node.value);
  return isIdentifier(node) ? [String(node.value)] : [];
}

function defaultsOf(parameters: unknown): unknown[] {
  return Array.isArray(parameters)
    ? parameters.flatMap((inner) => isNode(inner) && inner.type === "KeywordArgumentExpression" ? [inner.value] : [])
    : [];
}

/** The arguments of a filter: `default(x)` reads x, and `default` is no variable. */
function argumentsOf(filter: unknown): unknown {
  return isNode(filter) && filter.type === "CallExpression" ? filter.args : [];
}

function isIdentifier(node: unknown): node is Node {
  return isNode(node) && node.type === "Identifier";
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
