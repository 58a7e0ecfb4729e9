/**
 * The Vega-Lite specification in a notebook's output, without what says how to embed it; undefined for a specification
 * that would load something from elsewhere or lead elsewhere, as an output may come from anybody.
 */
export function chartSpecification(output: unknown): ChartOutput | undefined {
  if (typeof output !== "object" || output === null || Array.isArray(output) || leadsElsewhere(output)) return;
  const { usermeta: _, ...specification } = output as Record<string, unknown>;
  const { title, description } = specification;
  const text = typeof title === "object" && title !== null && "text" in title ? title.text : title;
  return {
    specification,
    title: Array.isArray(text) ? text.join(" ") : typeof text === "string" ? text : "Chart",
    description: typeof description === "string" ? description : "",
    rows: rowsOf(specification.data),
  };
}

/** A chart as a notebook displays it. */
export interface ChartOutput {
  /** The Vega-Lite specification, data and theme in it. */
  readonly specification: Readonly<Record<string, unknown>>;
  /** Its finding. */
  readonly title: string;
  /** What it shows, in words. */
  readonly description: string;
  /** The rows that it draws. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

function leadsElsewhere(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(leadsElsewhere);
  if (typeof value !== "object" || value === null) return false;
  const isImage = "type" in value && value.type === "image";
  return isImage || Object.entries(value).some(([name, inner]) =>
    // Rows may have columns of any name, and they are numbers or texts that nothing follows.
    name !== "values" && ((["url", "href"].includes(name)) || leadsElsewhere(inner))
  );
}

function rowsOf(data: unknown): ChartOutput["rows"] {
  const values = typeof data === "object" && data !== null && "values" in data ? data.values : [];
  if (!Array.isArray(values)) return [];
  return values.filter((row) => typeof row === "object" && row !== null && !Array.isArray(row));
}
