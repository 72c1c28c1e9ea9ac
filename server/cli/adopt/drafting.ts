import type { RepositoryContents } from "../../../storage/survey/index.js"
import type { StoredAt } from "./choose-stores.js"
import type { KnownPassword } from "./passwords.js"
import type { AdoptNotice } from "./proposal.js"

/** A repository, the cluster it was given to, and its place below a store. */
export interface Placed extends StoredAt {
  readonly contents: RepositoryContents
  readonly cluster: string
}

export interface Drafting {
  readonly passwords: readonly KnownPassword[]
  /** The namespace of volumes whose directories do not say it. */
  readonly namespace: string | undefined
}

/** For what the document cannot hold. */
export function leftOut({ path, engine }: RepositoryContents, why: string): AdoptNotice {
  return {
    code: "left_out",
    path,
    message: `the ${engine} repository is not in the document: ${why}`,
    hint: "Move or rename it, or run the command with its own path.",
  }
}
