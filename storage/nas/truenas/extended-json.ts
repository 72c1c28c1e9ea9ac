import { isJsonObject } from "../../bytes/index.js"

/**
 * Decodes what TrueNAS writes into JSON for types that JSON lacks (reference nas-platforms.md §2.2): `$date` becomes a Date, `$set` a
 * list, `$time` and `$type` the text that they hold. Everything else stays as it is.
 */
export function decodeExtendedJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeExtendedJson)
  if (!isJsonObject(value)) return value
  const keys = Object.keys(value)
  if (keys.length === 1) {
    const { $date, $time, $set } = value
    if (typeof $date === "number") return new Date($date)
    if (typeof $time === "string") return $time
    if (Array.isArray($set)) return $set.map(decodeExtendedJson)
  }
  if (keys.length === 2 && typeof value["$type"] === "string" && typeof value["$value"] === "string") {
    return value["$value"]
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decodeExtendedJson(inner)]))
}
