/** The images of the visitor, and their way through an engine. */

import { EngineError } from "./engine.js";
import { checkLimits } from "./sizes.js";
import { t } from "./strings.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Availability} Availability */
/** @typedef {import("./engine.js").Options} Options */
/** @typedef {"ready" | "waiting" | "uploading" | "queued" | "loading" | "running" | "fetching" | "done" | "failed" | "cancelled"} State */

const ENDED = new Set(["ready", "done", "failed", "cancelled"]);
let count = 0;

/** One image or clip. */
export class Item {
  /** @param {File | null} file null for a result from before a reload whose input is gone */
  constructor(file, name = file?.name ?? "") {
    count += 1;
    this.key = `item-${count}`;
    this.name = name;
    /** @type {File | null} */
    this.file = null;
    /** @type {string | null} */
    this.url = null;
    this.setFile(file);
    /** @type {{width: number, height: number} | null} null while it is not known, or when the browser cannot read the file */
    this.size = null;
    /** @type {State} */
    this.state = "ready";
    /** @type {import("./engine.js").Progress | null} */
    this.progress = null;
    /** @type {import("./engine.js").Result | null} */
    this.result = null;
    /** @type {string | null} */
    this.resultUrl = null;
    /** @type {EngineError | null} */
    this.error = null;
    /** @type {AbortController | null} */
    this.controller = null;
    /** @type {Engine | null} that made the result */
    this.engine = null;
  }

  get ended() {
    return ENDED.has(this.state);
  }

  get clip() {
    return this.file?.type.startsWith("video/") ?? false;
  }

  /** @param {File | null} file */
  setFile(file) {
    this.file = file;
    this.url = file === null ? null : URL.createObjectURL(file);
  }

  /** @param {import("./engine.js").Result | null} result */
  setResult(result) {
    if (this.resultUrl !== null) URL.revokeObjectURL(this.resultUrl);
    this.result = result;
    this.resultUrl = result === null ? null : URL.createObjectURL(result.preview ?? result.blob);
  }

  release() {
    this.setResult(null);
    if (this.url !== null) URL.revokeObjectURL(this.url);
  }
}

/** Fires "list" when items come or go, "change" (with the item as detail) when one of them changed. */
export class Queue extends EventTarget {
  constructor() {
    super();
    /** @type {Item[]} */
    this.items = [];
    /** @type {{engine: Engine, availability: Availability} | null} */
    this.chosen = null;
    /** @type {{item: Item, options: Options, engine: Engine, availability: Availability}[]} */
    this.waiting = [];
    this.running = 0;
  }

  /** @param {File[]} files */
  add(files) {
    const added = files.map((file) => new Item(file));
    this.items.push(...added);
    for (const item of added) {
      readSize(item).then((size) => {
        item.size = size;
        this.#changed(item);
      });
    }
    this.dispatchEvent(new Event("list"));
    return added;
  }

  /**
   * Lets the items wait for the engine, and starts as many as it takes.
   * @param {Item[]} items
   * @param {Options} options
   */
  start(items, options) {
    if (this.chosen === null) return;
    for (const item of items) {
      if (!item.ended || item.file === null) continue;
      item.setResult(null);
      item.error = null;
      try {
        checkType(item, this.chosen.availability.models.clips);
        checkLimits(item.file, item.size, options, this.chosen.availability.limits);
      } catch (error) {
        this.#fail(item, error);
        continue;
      }
      this.waiting.push({ item, options, ...this.chosen });
      this.#turn(item, "waiting");
    }
    this.#pump();
  }

  #pump() {
    for (let next = this.waiting[0]; next && this.running < (next.availability.together ?? 1); next = this.waiting[0]) {
      this.waiting.shift();
      const { item, options, engine } = next;
      const file = item.file;
      if (file !== null) this.#run(item, engine, (running) => engine.upscale(file, options, running));
    }
  }

  /**
   * @param {Item} item
   * @param {Engine} engine
   * @param {(running: import("./engine.js").Running) => Promise<import("./engine.js").Result>} work
   * @param {AbortController} [controller]
   */
  async #run(item, engine, work, controller = new AbortController()) {
    this.running += 1;
    item.controller = controller;
    item.engine = engine;
    try {
      const result = await work({ signal: controller.signal, onProgress: (progress) => this.#turn(item, progress.phase, progress) });
      item.setResult(result);
      this.#turn(item, "done");
    } catch (error) {
      if (controller.signal.aborted) this.#turn(item, "cancelled");
      else this.#fail(item, error);
    }
    item.controller = null;
    this.running -= 1;
    this.#pump();
  }

  /**
   * Takes up the jobs from before a reload.
   * @param {Engine} engine
   */
  async resume(engine) {
    for (const { id, name } of engine.saved?.() ?? []) {
      const item = new Item(null, name);
      const controller = new AbortController();
      const onProgress = (/** @type {import("./engine.js").Progress} */ progress) => this.#turn(item, progress.phase, progress);
      const taken = await engine.resume?.(id, { signal: controller.signal, onProgress }).catch(() => null);
      if (!taken) continue;
      item.setFile(taken.input);
      item.size = await readSize(item);
      this.items.push(item);
      item.state = "waiting";
      this.dispatchEvent(new Event("list"));
      this.#run(item, engine, () => taken.result, controller);
    }
  }

  /** @param {Item} item */
  cancel(item) {
    const place = this.waiting.findIndex((entry) => entry.item === item);
    if (place >= 0) {
      this.waiting.splice(place, 1);
      this.#turn(item, "cancelled");
    }
    item.controller?.abort();
  }

  /** @param {Item} item */
  remove(item) {
    this.cancel(item);
    const id = item.result?.id;
    if (id) item.engine?.forget?.(id);
    this.items = this.items.filter((other) => other !== item);
    item.release();
    this.dispatchEvent(new Event("list"));
  }

  /**
   * @param {Item} item
   * @param {unknown} error
   */
  #fail(item, error) {
    const message = error instanceof Error ? error.message : String(error);
    item.error = error instanceof EngineError ? error : new EngineError({ what: t("error.unknown", { message }) });
    this.#turn(item, "failed");
  }

  /**
   * @param {Item} item
   * @param {State} state
   * @param {import("./engine.js").Progress | null} [progress]
   */
  #turn(item, state, progress = null) {
    item.state = state;
    item.progress = progress;
    this.#changed(item);
  }

  /** @param {Item} item */
  #changed(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}

/**
 * @param {Item} item
 * @param {boolean} clips
 */
function checkType(item, clips) {
  const type = item.file?.type ?? "";
  const other = /^(text|audio)\/|pdf$/.test(type) || (item.clip && !clips);
  if (!other) return; // the browser knows few types of images, so the engine decides on the rest
  throw new EngineError({ what: t("error.type", { name: item.name }), got: t("error.type.got", { type }) });
}

/**
 * @param {Item} item
 * @returns {Promise<{width: number, height: number} | null>}
 */
async function readSize(item) {
  if (item.url === null || item.clip) return null;
  const image = new Image();
  image.src = item.url;
  try {
    await image.decode();
  } catch {
    return null;
  }
  return { width: image.naturalWidth, height: image.naturalHeight };
}
