/** The method by which the Deno kernel asks a value how to show it: https://docs.deno.com/runtime/reference/cli/jupyter/ */
export const DISPLAY: unique symbol = Symbol.for("Jupyter.display") as typeof DISPLAY;

/** The forms of one output by media type; a viewer takes the richest that it knows. */
export type DisplayBundle = Readonly<Record<string, unknown>>;

/** A value that a notebook cell shows when it is its last expression. */
export interface Displayable {
  /** The forms that a notebook shows. */
  [DISPLAY](): DisplayBundle;
}

/**
 * Gives a value what a notebook's cell shows of it. The display is no property that is listed: who compares, spreads or
 * writes the value means its data.
 */
export function shownAs<Value extends object>(value: Value, display: () => DisplayBundle): Value & Displayable {
  return Object.defineProperty(value, DISPLAY, { value: display }) as Value & Displayable;
}
