// Positions in the site's log are decimal strings.

/** Positions outgrow a JavaScript number: longer is larger, then as text. */
export function isAfter(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
