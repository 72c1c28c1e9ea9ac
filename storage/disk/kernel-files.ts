import { readdirSync, readFileSync, realpathSync } from "node:fs"

// Small files in which the kernel tells of itself. What cannot be read is not known, and that is no error: which of them there
// are depends on the kernel, on what is mounted, and on who asks.

/** Without the blanks around it. */
export function kernelText(file: string): string | undefined {
  return orNothing(() => readFileSync(file, "utf8").trim())
}

/** A whole number, not negative. */
export function kernelNumber(file: string): number | undefined {
  const text = kernelText(file)
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** Sorted; undefined where there is no such folder. */
export function kernelNames(folder: string): string[] | undefined {
  return orNothing(() => readdirSync(folder).sort())
}

/** Where a link really leads. */
export function kernelLink(path: string): string | undefined {
  return orNothing(() => realpathSync(path))
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
