import { StorageError } from "../../errors.js"

/** `/proc/fs/nfsd/threads`: 0 while the server is stopped. Throws StorageError `corrupt`. */
export function parseThreads(text: string, file: string): number {
  const threads = Number(text.trim())
  if (text.trim() !== "" && Number.isInteger(threads) && threads >= 0) return threads
  throw new StorageError("corrupt", `${file}: no number of threads`, { facts: { file } })
}

/** `/proc/fs/nfsd/versions`, "-2 +3 +4 +4.1 +4.2": those that are served. Throws StorageError `corrupt`. */
export function parseVersions(text: string, file: string): string[] {
  const words = text.trim().split(/\s+/)
  const known = words.map((word) => /^([+-])(\d(?:\.\d+)?)$/.exec(word))
  if (known.includes(null)) {
    throw new StorageError("corrupt", `${file}: not a list of versions`, { facts: { file } })
  }
  return known.flatMap((match) => (match?.[1] === "+" ? [match[2] ?? ""] : []))
}

/** `/proc/fs/nfsd/portlist`, "tcp 2049" in each line, once for each family of addresses: the ports for TCP. Other lines say nothing. */
export function parsePorts(text: string): number[] {
  return [...new Set([...text.matchAll(/^tcp6? (\d+)$/gm)].map(([, port]) => Number(port)))]
}
