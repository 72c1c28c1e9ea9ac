import { DirectoryTree, type FileCall } from "../../storage/blobs/index.js"
import {
  checkFence,
  type CheckOptions,
  HeldDirectory,
  locate,
  mountOf,
  readMounts,
} from "../../storage/disk/index.js"
import { openRepository, type Repository, Secret, StorageError } from "../../storage/index.js"
import type { PlaceSpec } from "../catalog/index.js"

/**
 * A repository's directory for as long as a run reads it. What is not there because a disk was unmounted looks like damage, so that
 * nothing that was read counts before `assertSame` has passed once more. Until `close` the filesystem can be unmounted by force only.
 * For threads of their own: its file access is synchronous.
 */
export class FencedPlace {
  readonly files: DirectoryTree
  readonly #spec: PlaceSpec
  readonly #devices = new Map<string, string | undefined>()
  readonly #paths: readonly string[]
  readonly #mounts: string
  /** Open until `close`: the kernel gives the number of a mount that is still in use to no other one. */
  readonly #held: readonly HeldDirectory[]

  /** `during` runs each call into the repository's files, as DirectoryTree does. Throws StorageError: a fence does not hold, or the directory is not there. */
  constructor(spec: PlaceSpec, during?: FileCall) {
    this.#spec = spec
    this.#check()
    this.#paths = [locate(spec.directory).realPath, ...spec.fences.map(({ record }) => record.realPath)]
    this.#held = this.#paths.map((path) => HeldDirectory.at(path))
    this.#mounts = this.#mountIds()
    this.#check()
    this.files = new DirectoryTree(spec.directory, during)
  }

  get directory(): string {
    return this.#spec.directory
  }

  /** Opens it as it is declared. Throws StorageError as `openRepository` does. */
  open(): Promise<Repository> {
    const { password, engine } = this.#spec
    return openRepository({
      files: this.files,
      password: password === undefined ? undefined : new Secret(password),
      ...(engine === undefined ? {} : { engine }),
    })
  }

  /** Throws StorageError `missing` when this is not, or was not all the while, the filesystem that it was at the beginning. */
  assertSame(): void {
    this.#check()
    // One that went and came back is the same one, and what was read between was not.
    if (this.#mountIds() !== this.#mounts) {
      throw new StorageError("missing", `${this.#spec.directory} was mounted anew while it was read`, {
        hint: "Nothing of it counts; run it again.",
      })
    }
  }

  /** What a run that fails has to say: a fence that does not hold explains every error. */
  reasonOf(error: unknown): unknown {
    try {
      this.assertSame()
      return error
    } catch (fenced) {
      return fenced
    }
  }

  close(): void {
    for (const directory of this.#held) directory.close()
  }

  #check(): void {
    const identities: CheckOptions["identities"] = new Map()
    for (const { path, record, store } of this.#spec.fences) {
      const state = checkFence(path, record, { store, device: this.#devices.get(path), identities })
      if (state.kind === "fenced") {
        throw new StorageError("missing", state.message, { facts: { code: state.code }, hint: state.hint })
      }
      this.#devices.set(path, state.device)
    }
  }

  #mountIds(): string {
    const mounts = readMounts()
    return this.#paths.map((path) => mountOf(path, mounts).id).join(" ")
  }
}
