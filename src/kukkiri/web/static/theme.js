/** Light, dark, or as the system. */

const STORED = "kukkiri.theme";
const NEXT = /** @type {const} */ ({ auto: "light", light: "dark", dark: "auto" });

/** @typedef {keyof typeof NEXT} Theme */

/** @returns {Theme} */
export function currentTheme() {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export function showTheme() {
  const theme = currentTheme();
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** @returns {Theme} the new one */
export function switchTheme() {
  localStorage.setItem(STORED, NEXT[currentTheme()]);
  showTheme();
  return currentTheme();
}
