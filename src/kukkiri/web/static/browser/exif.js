/** EXIF of an upscaled image: upright, of the new size, without the thumbnail of the old one. */

const ORIENTATION = 0x0112;
const EXIF_FOLDER = 0x8769;
const [WIDTH, HEIGHT] = [0xa002, 0xa003];
const [SHORT, LONG] = [3, 4];

/**
 * Settle a block for pixels that were turned upright and upscaled.
 * @param {Uint8Array} block from its byte order on ("II" or "MM")
 * @param {{height: number, width: number}} size of the result
 * @returns {Uint8Array | null} a copy; null when the block is damaged
 */
export function settleExif(block, size) {
  const copy = block.slice();
  const view = new DataView(copy.buffer);
  const order = String.fromCharCode(copy[0], copy[1]);
  if (order !== "II" && order !== "MM") return null;
  const little = order === "II";
  try {
    if (view.getUint16(2, little) !== 42) return null;
    const first = view.getUint32(4, little);
    walk(view, first, little, (tag, entry) => {
      if (tag === ORIENTATION) setNumber(view, entry, 1, little);
      if (tag === EXIF_FOLDER) {
        walk(view, view.getUint32(entry + 8, little), little, (inner, at) => {
          if (inner === WIDTH) setNumber(view, at, size.width, little);
          if (inner === HEIGHT) setNumber(view, at, size.height, little);
        });
      }
    });
    view.setUint32(first + 2 + 12 * view.getUint16(first, little), 0, little); // no further folder: no thumbnail
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return copy;
}

/**
 * The orientation of a block, 1 to 8.
 * @param {Uint8Array} block
 */
export function readOrientation(block) {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const little = block[0] === 0x49;
  let found = 1;
  try {
    walk(view, view.getUint32(4, little), little, (tag, entry) => {
      if (tag === ORIENTATION) found = view.getUint16(entry + 8, little);
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return found >= 1 && found <= 8 ? found : 1;
}

/**
 * @param {DataView} view
 * @param {number} folder
 * @param {boolean} little
 * @param {(tag: number, entry: number) => void} visit
 */
function walk(view, folder, little, visit) {
  const count = view.getUint16(folder, little);
  for (let place = 0; place < count; place++) {
    const entry = folder + 2 + 12 * place;
    visit(view.getUint16(entry, little), entry);
  }
}

/**
 * @param {DataView} view
 * @param {number} entry
 * @param {number} value
 * @param {boolean} little
 */
function setNumber(view, entry, value, little) {
  const type = view.getUint16(entry + 2, little);
  if (type === LONG) view.setUint32(entry + 8, value, little);
  else if (type === SHORT && value < 65536) view.setUint16(entry + 8, value, little);
}
