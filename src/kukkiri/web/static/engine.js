/**
 * The interface of an engine: what turns a file into an upscaled one.
 *
 * An engine is a module with `available()` and `upscale()`. Two exist: `server/engine.js` sends images to the server that the
 * page came from, `browser/engine.js` runs the networks on the visitor's own computer.
 */

/**
 * Options of an upscaling; the names are those of the query of `POST /v1/upscale`. Exactly one rule of size is set
 * (`scale`, or `width` and/or `height`, or `fit`, `short_side`, `megapixels`); the others are null.
 * @typedef {object} Options
 * @property {number | null} scale output pixels for one input pixel along a side
 * @property {number | null} width pixels of the result
 * @property {number | null} height pixels of the result
 * @property {boolean} stretch change the aspect to meet width and height
 * @property {string | null} fit a box such as "3840x2160"
 * @property {number | null} short_side pixels of the result's shorter side
 * @property {number | null} megapixels millions of pixels of the result
 * @property {string} preset "fast", "balanced" or "best"
 * @property {string} weights "auto", "clean", "photo" or "line"
 * @property {number | null} vivid 0 to 1, from faithful to sharp with invented detail
 * @property {number | null} denoise 0 to 1, from weights for clean images to those for photographs
 * @property {string} format "same", or a type such as "png"
 * @property {number | null} quality 1 to 100
 * @property {string} metadata "keep", "strip" or "copyright"
 * @property {string} alpha "transparency", "separate" or "opaque"
 * @property {boolean} ensemble average over the eight flips and rotations
 * @property {boolean} skip_flat interpolate flat regions
 * @property {boolean} wrap the image is a seamless texture
 */

/**
 * @typedef {object} Progress
 * @property {"uploading" | "queued" | "loading" | "running" | "fetching"} phase
 * @property {number} done bytes while uploading, loading or fetching, tiles while running
 * @property {number} total 0 when it is not known
 * @property {number | null} position place in the queue, from 1; 0 while the queue is full
 */

/**
 * What the input had and the result has; null where the input had none of it.
 * @typedef {object} Kept
 * @property {boolean | null} profile the colour profile
 * @property {boolean | null} exif
 * @property {number | null} depth bits for a sample of the result
 * @property {boolean | null} alpha
 */

/**
 * @typedef {object} Result
 * @property {Blob} blob
 * @property {string} name file name
 * @property {number} width
 * @property {number} height
 * @property {string[]} notes
 * @property {Kept} kept
 * @property {number | null} seconds
 * @property {Blob | null} [preview] something that a browser can show, where it cannot show `blob`
 * @property {{width: number, height: number} | null} [input] size of the input, where only the engine can read it
 * @property {string | null} [id] the server's job
 */

/**
 * @typedef {object} Models
 * @property {string[]} presets
 * @property {number[]} scales
 * @property {string[]} weights
 * @property {Record<string, string[]>} dials of each preset: "vivid", "denoise"
 * @property {string[]} formats suffixes that can be written
 * @property {boolean} clips
 * @property {string[]} features the further options that the engine honours: "width", "fit", "short_side", "megapixels",
 *   "quality", "metadata", "alpha", "ensemble", "skip_flat", "wrap"
 */

/**
 * @typedef {object} Limits
 * @property {number | null} input_bytes
 * @property {number | null} input_pixels
 * @property {number | null} output_pixels
 */

/**
 * @typedef {object} Availability
 * @property {boolean} ok
 * @property {string | null} why a sentence, when not ok
 * @property {Models} models
 * @property {Limits} limits
 * @property {string} where host of the server; empty in the browser
 * @property {string} [version]
 * @property {number} [together] files that the engine takes at once; 1 when not given
 * @property {number | null} [keptSeconds] how long a server keeps results, where it says so
 */

/**
 * @typedef {object} Running
 * @property {(progress: Progress) => void} [onProgress]
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {object} Engine
 * @property {() => Promise<Availability>} available never throws
 * @property {(file: File, options: Options, running: Running) => Promise<Result>} upscale
 * @property {() => {id: string, name: string}[]} [saved] jobs of this tab from before a reload
 * @property {(id: string, running: Running) => Promise<{input: File | null, result: Promise<Result>}>} [resume]
 * @property {(id: string) => Promise<void>} [forget] delete a finished job on the server
 */

/** An error in words; the parts are those of every message of kukkiri. */
export class EngineError extends Error {
  /** @param {{what: string, got?: string | null, expected?: string | null, remedy?: string | null, status?: number | null}} parts */
  constructor({ what, got = null, expected = null, remedy = null, status = null }) {
    super(what);
    this.name = "EngineError";
    this.what = what;
    this.got = got;
    this.expected = expected;
    this.remedy = remedy;
    this.status = status;
  }
}

/**
 * Loads the engines that the page names in `<meta name="kukkiri-engines">` and that exist.
 * @returns {Promise<Map<string, Engine>>} "server" and "browser", where they are there
 */
export async function loadEngines() {
  const meta = document.querySelector('meta[name="kukkiri-engines"]');
  const names = (meta?.getAttribute("content") ?? "server").split(" ");
  /** @type {Map<string, Engine>} */
  const engines = new Map();
  for (const name of names) {
    try {
      engines.set(name, await import(`./${name}/engine.js`));
    } catch {
      // a page without this engine: the other one is offered alone
    }
  }
  return engines;
}
