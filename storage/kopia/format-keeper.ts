import { StorageError } from "../errors.js"
import type { Instant } from "../instant.js"
import type { KeyMemory } from "../repository.js"
import type { Secret } from "../secret.js"
import { Decryption } from "./decryption.js"
import { parseFormatBlob } from "./format-blob.js"
import { unlockFormat } from "./format-key.js"
import { parseRepositoryFormat, refuseUnreadable, type RepositoryFormat } from "./repository-format.js"

export interface OpenedFormat {
  /** uniqueID in hexadecimal. */
  readonly repositoryId: string
  readonly format: RepositoryFormat
  readonly decryption: Decryption
}

/**
 * Opens the format block. It is read anew for every listing, because a password change or an upgrade rewrites it; the
 * password is stretched again only when its bytes changed, be the outcome good or bad.
 */
export class FormatKeeper {
  readonly #password: Secret | undefined
  readonly #keys: KeyMemory | undefined
  #last: { readonly bytes: Uint8Array; readonly outcome: OpenedFormat | StorageError } | undefined

  constructor(password: Secret | undefined, keys: KeyMemory | undefined) {
    this.#password = password
    this.#keys = keys
  }

  /** Throws `corrupt`, `password_missing`, `wrong_password`, `unsupported` or `upgrading`; `file` names the blob. */
  async open(bytes: Uint8Array, file: string, now: Instant): Promise<OpenedFormat> {
    if (this.#last === undefined || !Buffer.from(bytes).equals(this.#last.bytes)) {
      this.#last = { bytes, outcome: await this.#unlock(bytes, file) }
    }
    const { outcome } = this.#last
    if (outcome instanceof StorageError) throw outcome
    refuseUnreadable(outcome.format, file, now)
    return outcome
  }

  async #unlock(bytes: Uint8Array, file: string): Promise<OpenedFormat | StorageError> {
    try {
      const blob = parseFormatBlob(bytes, file)
      if (this.#password === undefined) {
        throw new StorageError("password_missing", `${file}: no password is known for this repository`, {
          facts: { file },
          hint: "Give the password that the movers use (KOPIA_PASSWORD in their secret).",
        })
      }
      const plain = await unlockFormat(blob, this.#password, file, this.#keys)
      const format = parseRepositoryFormat(plain, file)
      return {
        repositoryId: Buffer.from(blob.uniqueId).toString("hex"),
        format,
        decryption: await Decryption.of(format),
      }
    } catch (error) {
      if (error instanceof StorageError) return error
      throw error
    }
  }
}
