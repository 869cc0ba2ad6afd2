/** Ways in: the file chooser, dropping files or folders, pasting. */

import { find } from "./dom.js";

/** @param {(files: File[]) => void} add */
export function takeFiles(add) {
  const chooser = find("#files", HTMLInputElement);
  for (const button of document.querySelectorAll("[data-choose]")) button.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    add([...(chooser.files ?? [])]);
    chooser.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    add(files);
  });
  takeDropped(add);
}

/** @param {(files: File[]) => void} add */
function takeDropped(add) {
  let depth = 0; // enter and leave come for every element below the pointer
  const over = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const holdsFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) over(1); });
  document.addEventListener("dragleave", (event) => { if (holdsFiles(event)) over(-1); });
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", async (event) => {
    if (!holdsFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    over(-depth);
    const { items, files } = event.dataTransfer;
    const loose = [...files];
    const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? null);
    if (!entries.some((entry) => entry?.isDirectory)) return add(loose);
    const found = await Promise.all(entries.map((entry) => (entry === null ? [] : filesOf(entry))));
    add(found.flat().filter((file) => /^(image|video)\//.test(file.type) || /\.(tiff?|hei[cf]|jxl|exr|dng)$/i.test(file.name)));
  });
}

/**
 * The files of a dropped folder and of those in it.
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesOf(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) { // a reader gives at most a hundred entries at a time
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return files;
    for (const inner of entries) if (!inner.name.startsWith(".")) files.push(...await filesOf(inner));
  }
}
