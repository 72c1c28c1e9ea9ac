import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join, relative } from "node:path"

/** Regular files below a directory whose path relative to it fits, sorted. */
export function filesBelow(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => pattern.test(path))
    .sort()
    .map((path) => join(directory, path))
}

/** Changes one bit at an offset, and keeps the file's time, as rot does. */
export function flipBit(file: string, at: number): void {
  const { atime, mtime } = statSync(file)
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
}

/** What may happen to one file. All keep the file's time, as rot does. */
export const damages = {
  removed: (file: string) => {
    rmSync(file)
  },
  emptied: (file: string) => {
    truncateSync(file, 0)
  },
  "cut short": (file: string) => {
    truncateSync(file, Math.floor(statSync(file).size * 0.6))
  },
  "changed in one bit": (file: string) => {
    flipBit(file, Math.floor(statSync(file).size / 2))
  },
  "made unreadable": (file: string) => {
    // A directory in its place: EISDIR, for root as for anybody.
    rmSync(file)
    cpSync(import.meta.dirname, file, { recursive: true })
  },
} as const

export type Damage = keyof typeof damages

/** Changes one bit of a file as a disk rots: its time stays. Gives what undoes it. */
export function rot(file: string, offset: number): () => void {
  const whole = readFileSync(file)
  const { atime, mtime } = statSync(file)
  const write = (bytes: Buffer): void => {
    writeFileSync(file, bytes)
    utimesSync(file, atime, mtime)
  }
  const other = Buffer.from(whole)
  other[offset] = (other[offset] ?? 0) ^ 4
  write(other)
  return () => {
    write(whole)
  }
}
