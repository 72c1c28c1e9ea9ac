import { randomBytes } from "node:crypto"
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { createFile } from "../disk/durable.js"
import type { HeldDirectory } from "../disk/open-directory.js"
import { errnoOf } from "../errno.js"

/** Where the damaged state of a healed file is kept. */
export interface KeptAside {
  /** A folder with `damaged` and `about.json`. */
  readonly folder: string
  /** Bytes of it that could not be read; the kept file has zeros there. 0 where it is the very file. */
  readonly unreadableBytes: number
}

interface About {
  readonly repository: string
  readonly file: string
  readonly from: string
  readonly now: Date
}

/** What a disk fails to read is left out piece by piece. */
const PIECE = 64 * 1024

/**
 * Keeps a file as it is, in a new folder in `above`, which is made where it is missing; undefined where there is no such file. The very
 * file where both lie on one filesystem, else what of it can be read. Throws the system's error.
 */
export function keepAside(
  folder: HeldDirectory,
  name: string,
  above: string,
  { repository, file, from, now }: About,
): KeptAside | undefined {
  mkdirSync(above, { recursive: true, mode: 0o700 })
  const id = `${now.toISOString().replaceAll(/[-:.]/g, "")}-${randomBytes(4).toString("hex")}`
  const home = join(above, id)
  const unreadableBytes = keepFile(folder, name, home)
  if (unreadableBytes === undefined) return undefined
  const about = {
    cistern: "damaged-file",
    version: 1,
    healed: now.toISOString(),
    repository,
    file,
    from,
    unreadableBytes,
  }
  createFile(join(home, "about.json"), `${JSON.stringify(about, undefined, 2)}\n`)
  return { folder: home, unreadableBytes }
}

function keepFile(folder: HeldDirectory, name: string, home: string): number | undefined {
  const source = openSource(folder, name)
  if (source === undefined) return undefined
  try {
    mkdirSync(home, { mode: 0o700 })
    try {
      linkSync(folder.entry(name), join(home, "damaged"))
      return 0
    } catch (error) {
      // Another filesystem or subvolume, or one without hard links.
      if (!["EXDEV", "EPERM", "EMLINK", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) throw error
      return copyReadable(source, join(home, "damaged"))
    }
  } finally {
    closeSync(source)
  }
}

function openSource(folder: HeldDirectory, name: string): number | undefined {
  try {
    return openSync(folder.entry(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined
    throw error
  }
}

function copyReadable(source: number, path: string): number {
  const { size } = fstatSync(source)
  const target = openSync(path, "wx", 0o600)
  const piece = Buffer.alloc(PIECE)
  let unreadable = 0
  try {
    ftruncateSync(target, size)
    for (let at = 0; at < size; at += PIECE) {
      const wanted = Math.min(PIECE, size - at)
      const read = readPiece(source, piece, at, wanted)
      unreadable += wanted - read
      for (let done = 0; done < read;) done += writeSync(target, piece, done, read - done, at + done)
    }
    fsyncSync(target)
    return unreadable
  } finally {
    closeSync(target)
  }
}

function readPiece(source: number, piece: Buffer, at: number, wanted: number): number {
  let done = 0
  try {
    while (done < wanted) {
      const read = readSync(source, piece, done, wanted - done, at + done)
      if (read === 0) break
      done += read
    }
  } catch (error) {
    if (errnoOf(error) !== "EIO") throw error
  }
  return done
}
