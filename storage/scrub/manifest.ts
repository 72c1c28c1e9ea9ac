import { StorageError } from "../errors.js"

const LINE = /^(\\?)([0-9a-fA-F]{64}) [ *](.+)$/s

/**
 * Parses what `sha256sum` writes (and `rclone hashsum sha256`): path by hash, in lower case. Throws `invalid` for a line that is
 * none, for a path outside of the tree, and for two hashes of one path.
 */
export function parseManifest(text: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>()
  for (const [at, line] of text.split("\n").entries()) {
    if (line === "") continue
    const [, escaped, hash = "", written] = LINE.exec(line) ?? []
    if (written === undefined) throw invalid(at, "is no hash and path")
    const path = (escaped === "" ? written : unescaped(written)).replace(/^(?:\.\/)+/, "")
    if (
      path.startsWith("/") ||
      path.split("/").some((part) => ["", ".", ".."].includes(part)) ||
      path.includes("\0")
    ) {
      throw invalid(at, "names no file below the tree")
    }
    const sha256 = hash.toLowerCase()
    if ((hashes.get(path) ?? sha256) !== sha256)
      throw invalid(at, "gives another hash to a file that was named before")
    hashes.set(path, sha256)
  }
  return hashes
}

/** `sha256sum` begins a line with "\" where it wrote the path so. */
function unescaped(path: string): string {
  return path.replace(/\\([\\nr])/g, (_whole, letter: string) => ({ n: "\n", r: "\r" })[letter] ?? "\\")
}

function invalid(at: number, what: string): StorageError {
  return new StorageError("invalid", `line ${at + 1} of the manifest ${what}`, {
    facts: { line: at + 1 },
    hint: "Make it in the tree itself: `find . -type f -print0 | xargs -0 sha256sum`, and keep it outside of the tree.",
  })
}
