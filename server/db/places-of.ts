/** The places of a store, `key:path`, as a range of text: the first possible one, and the first that is none any more. */
export function placesOf(store: string): [first: string, end: string] {
  // In the order of text, a semicolon follows the colon.
  return [`${store}:`, `${store};`]
}
