import type { ExportDifference } from "./compare.js"

/** What the server has not as it should. */
export function sentenceOf(difference: ExportDifference): string {
  const { path, client } = difference
  if (difference.kind !== "different") return `${path} is not exported to ${client}`
  return `${path} is exported to ${client} with ${difference.active.join(",")} instead of ${difference.wanted.join(",")}`
}
