import { randomInt } from "node:crypto"
import {
  type BigIntStats,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { basename, dirname } from "node:path"
import { DirectoryTree } from "../blobs/index.js"
import { HeldDirectory, isAbsent } from "../disk/open-directory.js"
import { writeError } from "../disk/store-file.js"
import { StorageError } from "../errors.js"
import { fileCallsIfThere } from "../host/index.js"
import type { Engine } from "../repository.js"
import { MOST_FILE_BYTES, type OtherState } from "./find-whole.js"
import { type KeptAside, keepAside } from "./keep-aside.js"
import type { Proof } from "../proof.js"

export interface Healing {
  /** The repository's directory. */
  readonly repository: string
  readonly engine: Engine
  /** Relative to it. */
  readonly file: string
  readonly from: OtherState
  readonly proof: Proof
  /** That it is gone altogether is damage, too: an index says that it is needed. Otherwise it may have been pruned. */
  readonly isNeeded?: boolean
  /** Where the damaged file is kept: a directory outside the repository. It is made where it is missing. */
  readonly aside: string
  readonly now: Date
}

export interface Healed {
  readonly file: string
  readonly from: string
  readonly bytes: number
  /** Undefined where nothing was there any more. */
  readonly aside: KeptAside | undefined
}

/**
 * Puts the bytes that a file of a repository had in another state of it back in its place, after its proof held for them, and keeps
 * what was there. At every moment either the old file or the new one has the name. Exactly the named file is touched, never by a link.
 *
 * Throws StorageError: `invalid` when the file that is there is whole, or the other state's is not; `missing`, `unreadable`, `io`,
 * `corrupt` for what cannot be read or written, and then the old file is still there.
 */
export async function heal(healing: Healing): Promise<Healed> {
  const { repository, engine, file, from, proof, now } = healing
  await refuseSound(healing)
  const tree = new DirectoryTree(from.directory)
  const bytes = await tree.read(file, MOST_FILE_BYTES)
  if (!(await proof.holds(bytes))) {
    throw new StorageError("invalid", `${file} in ${from.name} is not as it has to be either`, {
      facts: { file, from: from.name },
      hint: "Look for it in another filesystem snapshot or copy.",
    })
  }
  const like = lstatSync(`${from.directory}/${file}`, { bigint: true })
  const root = HeldDirectory.at(repository)
  const folder = openFolder(root, dirname(file))
  const [name, temporary] = [basename(file), temporaryName(engine, basename(file))]
  try {
    write(folder, temporary, bytes, like)
    const aside = keepAside(folder, name, healing.aside, { repository, file, from: from.name, now })
    renameSync(folder.entry(temporary), folder.entry(name))
    folder.sync()
    if ((await stateNow(healing)) === "whole") return { file, from: from.name, bytes: bytes.length, aside }
    throw new StorageError("io", `${file} is not as it was written`, {
      facts: { file },
      hint: "The disk does not keep what is written to it: replace it, and heal the file on another one.",
    })
  } catch (cause) {
    throw writeError(cause, `${repository}/${file}`)
  } finally {
    rmSync(folder.entry(temporary), { force: true })
    folder.close()
    root.close()
  }
}

async function refuseSound(healing: Healing): Promise<void> {
  const { file, isNeeded = false } = healing
  const state = await stateNow(healing)
  if (state === "whole") {
    throw new StorageError("invalid", `${file} is as it has to be`, {
      facts: { file },
      hint: "Nothing has to be healed; let it be read again.",
    })
  }
  if (state === "absent" && !isNeeded) {
    throw new StorageError(
      "invalid",
      `${file} is not there, and nothing shows that it is needed: it may have been pruned`,
      {
        facts: { file },
        hint: "With the password, packs that an index needs are put back; for an index or a snapshot file, roll the repository back.",
      },
    )
  }
}

async function stateNow({ repository, file, proof }: Healing): Promise<"whole" | "damaged" | "absent"> {
  try {
    const bytes = await new DirectoryTree(repository).read(file, MOST_FILE_BYTES)
    return (await proof.holds(bytes)) ? "whole" : "damaged"
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (error.code === "missing") return "absent"
    // A file that may not be read is not for that reason damaged.
    if (error.code === "corrupt" || error.code === "io") return "damaged"
    throw error
  }
}

/** The folder of a pack goes with its last file, so it may have to be made again. */
function openFolder(root: HeldDirectory, path: string): HeldDirectory {
  try {
    return root.open(path)
  } catch (error) {
    if (isAbsent(error)) return makeFolder(root, path)
    throw error
  }
}

/** Owner and mode as the repository's other folders have them, so that its movers can go on writing to it. */
function makeFolder(root: HeldDirectory, path: string): HeldDirectory {
  const like = lstatSync(root.entry("."), { bigint: true })
  const folder = root.make(path)
  fchownSync(folder.descriptor, Number(like.uid), Number(like.gid))
  fchmodSync(folder.descriptor, Number(like.mode & 0o7777n))
  return folder
}

/** As the engine itself names what it has not finished writing, so that it and we ignore it if it is left behind. */
function temporaryName(engine: Engine, name: string): string {
  const number = randomInt(2 ** 47)
  return engine === "kopia" ? `${name}.tmp.${number.toString(16)}` : `${name}-tmp-${number}`
}

/** With the owner, mode and time of the file that the bytes are from: the time is the engine's clock. */
function write(folder: HeldDirectory, name: string, bytes: Uint8Array, like: BigIntStats): void {
  const descriptor = openSync(folder.entry(name), "wx", 0o600)
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done)
    fchownSync(descriptor, Number(like.uid), Number(like.gid))
    fchmodSync(descriptor, Number(like.mode & 0o7777n))
    const calls = fileCallsIfThere()
    if (calls === undefined) futimesSync(descriptor, Number(like.atimeNs) / 1e9, Number(like.mtimeNs) / 1e9)
    else calls.setTimes(`/proc/self/fd/${descriptor}`, like.mtimeNs)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
