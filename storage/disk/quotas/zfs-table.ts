import { StorageError } from "../../errors.js"

/** Bytes by property; "none" for a limit of 0, which ZFS writes for none. */
export interface DatasetFigures {
  readonly used: number
  readonly available: number
  readonly referenced: number
  readonly quota: number | "none"
  readonly refquota: number | "none"
  readonly usedBySnapshots: number
}

export const datasetProperties = [
  "used",
  "available",
  "referenced",
  "quota",
  "refquota",
  "usedbysnapshots",
] as const

/**
 * What `zfs get -Hp -o property,value` writes: a line for each property, a tab between name and bytes (reference
 * nas-platforms.md §5.5). Throws StorageError `corrupt` where one is missing or no number.
 */
export function parseZfsGet(text: string): DatasetFigures {
  const values = new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [property = "", value = ""] = line.split("\t")
        return [property, value]
      }),
  )
  const bytes = (property: (typeof datasetProperties)[number]): number => {
    const value = values.get(property)
    if (value !== undefined && /^\d+$/.test(value)) return Number(value)
    throw new StorageError("corrupt", `zfs told no ${property}: ${JSON.stringify(value ?? "")}`)
  }
  const limit = (property: "quota" | "refquota"): number | "none" => {
    const value = bytes(property)
    return value === 0 ? "none" : value
  }
  return {
    used: bytes("used"),
    available: bytes("available"),
    referenced: bytes("referenced"),
    quota: limit("quota"),
    refquota: limit("refquota"),
    usedBySnapshots: bytes("usedbysnapshots"),
  }
}
