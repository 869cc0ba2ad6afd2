/** The dialog that asks for the server's API key. */

import { find } from "./dom.js";

/**
 * @param {boolean} refused a key was sent, and the server refused it
 * @returns {Promise<string | null>} null: the visitor gave none
 */
export function askForKey(refused) {
  const dialog = find("#key", HTMLDialogElement);
  const field = find("input", HTMLInputElement, dialog);
  find("#key-refused", HTMLElement).hidden = !refused;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    find("#key-cancel", HTMLButtonElement).onclick = () => dialog.close("");
    dialog.onclose = () => resolve(dialog.returnValue === "ok" && field.value ? field.value : null);
  });
}
