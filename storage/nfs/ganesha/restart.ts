import { basename, dirname, isAbsolute, join } from "node:path"

/** What a restart of the server makes of our exports. */
export interface AfterRestart {
  /** Whether the server's main configuration loads our file; without, a restart loses every export until the next `apply`. */
  readonly included: boolean
  /** The main configuration, and the line of it that loads our file. */
  readonly main: string
  readonly line: string
  /** Paths that the start itself would export again if that line was there. */
  readonly lost: readonly string[]
  /** Paths that the start itself exports again. */
  readonly kept: readonly string[]
  /** Paths that only `apply` exports again, once their filesystem is mounted. */
  readonly waiting: readonly string[]
}

/**
 * Whether a configuration loads `own`, by itself or by what it includes (`%include` and `%dir` of NFS-Ganesha's lexer). `read` gives
 * a file's text, undefined where there is none.
 */
export function isIncluded(own: string, main: string, read: (file: string) => string | undefined): boolean {
  const seen = new Set<string>()
  const visit = (file: string): boolean => {
    if (seen.has(file)) return false
    seen.add(file)
    const text = (read(file) ?? "").replace(/#.*$/gm, "")
    // Relative names count from the folder of the first file.
    const absolute = (name: string): string => (isAbsolute(name) ? name : join(dirname(main), name))
    const files = [...text.matchAll(/%include\s+"?([\w./-]+)"?/g)].map(([, name = ""]) => absolute(name))
    const folders = [...text.matchAll(/%dir\s+"?([\w./*-]+)"?/g)].map(([, name = ""]) => absolute(name))
    return files.includes(own) || folders.some((folder) => holds(folder, own)) || files.some(visit)
  }
  return visit(main)
}

/** Whether `%dir` with this folder, whose last part may be a pattern, loads the file. */
function holds(folder: string, file: string): boolean {
  if (!folder.includes("*")) return join(folder) === dirname(file)
  const pattern = basename(folder)
    .split("*")
    .map((part) => part.replaceAll(".", "\\."))
    .join(".*")
  return join(dirname(folder)) === dirname(file) && new RegExp(`^${pattern}$`).test(basename(file))
}
