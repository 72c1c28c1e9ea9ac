import type { ExportDifference } from "./compare.js"

/** A difference in words, for one who was told that a server did not take what was wanted. */
export function sentenceOf(difference: ExportDifference): string {
  const { path, client } = difference
  if (difference.kind !== "different") return `${path} is not exported to ${client}`
  return `${path} is exported to ${client} with ${difference.active.join(",")} instead of ${difference.wanted.join(",")}`
}
