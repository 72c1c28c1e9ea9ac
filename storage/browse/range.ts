import type { ByteRange } from "../contents.js"

/**
 * One range in the words of HTTP (RFC 9110 §14.1.2), with or without `bytes=`: `0-499` (both ends count), `500-` (to the end), `-500`
 * (the last 500). What lies beyond the end is cut off. `unsatisfiable` when nothing of the file is in it; undefined for what is no
 * range, or several.
 */
export function parseRange(text: string, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, from, to] = /^(?:bytes=)?[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(text) ?? []
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined
  if (from === "") {
    const length = Math.min(Number(to), size)
    return length === 0 ? "unsatisfiable" : { offset: size - length, length }
  }
  const first = Number(from)
  const last = to === "" ? Infinity : Number(to)
  if (last < first) return undefined
  if (first >= size) return "unsatisfiable"
  return { offset: first, length: Math.min(last, size - 1) - first + 1 }
}
