import { randomBytes, scryptSync } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { replaceFile } from "../../../storage/disk/index.js"
import { type Secret, StorageError } from "../../../storage/index.js"
import type { LoginMemory, LoginRecord } from "../../../storage/nas/index.js"
import { type OwnRules, type OwnRulesStore, parseOwnRules } from "../../../storage/nfs/index.js"

const FILE = "synology.json"

const form = z.strictObject({
  /** Random, in hex. */
  salt: z.string().exactOptional(),
  login: z
    .strictObject({ revision: z.string(), at: z.number(), code: z.number().nullable() })
    .exactOptional(),
  rules: z.unknown().optional(),
})

type Kept = z.infer<typeof form>

/** What has to be remembered of a Synology over restarts: which NFS rules are ours, and which login it refused. */
export class SynologyState {
  readonly #file: string

  constructor(stateDirectory: string) {
    this.#file = join(stateDirectory, FILE)
  }

  readonly logins: LoginMemory = {
    read: () => this.#read().login,
    write: (record: LoginRecord | undefined) => {
      const { salt, rules } = this.#read()
      this.#write({ ...(salt && { salt }), rules, ...(record && { login: record }) })
    },
  }

  readonly rules: OwnRulesStore = {
    read: () => {
      const { rules } = this.#read()
      return rules === undefined ? undefined : parseOwnRules(rules, this.#file)
    },
    write: (rules: OwnRules) => {
      this.#write({ ...this.#read(), rules })
    },
  }

  /** The same for the same account and password, and no help to whoever looks for the password. */
  revisionOf(user: string, password: Secret): string {
    const kept = this.#read()
    const salt = kept.salt ?? randomBytes(16).toString("hex")
    if (kept.salt === undefined) this.#write({ ...kept, salt })
    return scryptSync(`${user}\0${password.reveal()}`, salt, 16).toString("hex")
  }

  /** Throws StorageError `corrupt`: what is ours cannot be guessed. */
  #read(): Kept {
    if (!existsSync(this.#file)) return {}
    try {
      return form.parse(JSON.parse(readFileSync(this.#file, "utf8")))
    } catch (cause) {
      throw new StorageError("corrupt", `${this.#file} cannot be read`, {
        facts: { file: this.#file },
        hint: "Put it back from a backup of the state directory, or remove it and then the rules of Cistern in DSM.",
        cause,
      })
    }
  }

  #write(kept: Kept): void {
    replaceFile(this.#file, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 })
  }
}
