/** Results as files on the visitor's disk: one, or all in a zip made here. */

import { make } from "./dom.js";
import { downloadZip } from "./vendor/client-zip.js";

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // not at once: the download may still be reading
}

/**
 * @param {{blob: Blob, name: string}[]} results
 * @param {string} name of the archive
 */
export async function saveZip(results, name) {
  const names = uniqueNames(results.map((result) => result.name));
  const files = results.map(({ blob }, index) => ({ name: names[index], input: blob, lastModified: new Date() }));
  save(await downloadZip(files).blob(), name);
}

/**
 * Names of which none is there twice, not even on a disk that ignores case.
 * @param {string[]} names
 */
function uniqueNames(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf(".");
    const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    let unique = name;
    for (let number = 2; taken.has(unique.toLowerCase()); number += 1) unique = `${stem}-${number}${suffix}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
