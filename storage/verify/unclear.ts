const unclear: ReadonlySet<string> = new Set(["io", "unreadable", "unsupported"])

/** Whether a code says that something could not be read now, not that it is damaged. */
export function isUnclear(code: string): boolean {
  return unclear.has(code)
}
