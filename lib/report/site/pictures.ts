import { Buffer } from "node:buffer";
import { renderSvg } from "../render/render_svg.ts";

/** The pictures of a site, each once. */
export interface Pictures {
  /** The address of the reports' figure `name`, undefined if there is none. */
  figure(name: string): string | undefined;
  /** The address of the picture of a Vega-Lite specification. */
  chart(specification: object, name: string): Promise<string>;
  /** The address of a PNG, or of the figure that was saved from it. */
  png(bytes: Uint8Array, name: string): string;
  /** What pages show, by their paths in the site. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
}

/** A figure of the reports in its two forms. */
export interface FigureFiles {
  readonly svg: string;
  /** The PNG that notebooks display of it, if there is one. */
  readonly png?: Uint8Array;
}

/**
 * Collects the pictures that pages show.
 *
 * @param figures the reports' figures by name; a chart or a PNG that is one of them takes its file
 */
export function createPictures(figures: ReadonlyMap<string, FigureFiles>): Pictures {
  const files = new Map<string, string | Uint8Array>();
  const names = new Map([...figures].map(([name, { svg }]) => [svg, name]));
  const put = (path: string, content: string | Uint8Array): string => {
    files.set(path, content);
    return path;
  };
  return {
    files,
    figure: (name) => {
      const figure = figures.get(name);
      return figure === undefined ? undefined : put(`pictures/${name}.svg`, figure.svg);
    },
    chart: async (specification, name) => {
      const svg = await renderSvg(specification);
      return put(`pictures/${names.get(svg) ?? name}.svg`, svg);
    },
    png: (bytes, name) => {
      const figure = [...figures].find(([, { png }]) => png !== undefined && Buffer.compare(png, bytes) === 0);
      return figure === undefined
        ? put(`pictures/${name}.png`, bytes)
        : put(`pictures/${figure[0]}.svg`, figure[1].svg);
    },
  };
}
