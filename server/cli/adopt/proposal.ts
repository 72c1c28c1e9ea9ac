import type { ConventionSpec } from "../../../storage/identity/index.js"
import type { RepositoryContents } from "../../../storage/survey/index.js"
import type { KnownPassword } from "./passwords.js"

/** Something proposed, and what a person should know of it before it is applied. */
export interface Proposed<Entry> {
  readonly entry: Entry
  /** One line each. May hold any text that was found: it is made harmless where it is printed. */
  readonly remarks: readonly string[]
}

export interface StoreDraft {
  readonly name: string
  readonly path: string
  readonly allowRoot: boolean
}

export interface ClusterDraft {
  readonly name: string
  readonly networks: readonly string[]
}

/** A repository entry before it is known what it decides and what it is called. */
export interface RepositoryDraft {
  readonly cluster: string
  readonly engine: "kopia" | "restic"
  readonly store: string
  readonly path: string
  readonly password: KnownPassword["reference"] | undefined
  readonly conventions: readonly ConventionSpec[]
  readonly namespaces: readonly string[]
  readonly namespaceOf: Readonly<Record<string, string>>
  /** The repositories that it stands for. */
  readonly members: readonly RepositoryContents[]
  /** Whether it tells of which volumes they are. */
  readonly telling: boolean
  /** Entries of one family restore together: they divide one layout by namespaces. */
  readonly family: string
  readonly remarks: readonly string[]
}

export interface RepositoryEntryDraft extends RepositoryDraft {
  readonly name: string
  readonly decides: "restore" | "guard"
}

export interface ExportDraft {
  readonly store: string
  readonly path: string
  readonly cluster: string
  readonly access: "readOnly" | "readWrite"
  readonly squash: { readonly uid: number; readonly gid: number } | undefined
}

export interface Proposal {
  readonly remarks: readonly string[]
  readonly stores: readonly Proposed<StoreDraft>[]
  readonly clusters: readonly Proposed<ClusterDraft>[]
  readonly repositories: readonly Proposed<RepositoryEntryDraft>[]
  readonly exports: readonly Proposed<ExportDraft>[]
  /** What there is to say of exports, and of what the document cannot hold. */
  readonly closing: readonly string[]
  readonly notices: readonly AdoptNotice[]
}

/** Something that was noticed. `weight`: what it means for the exit code. */
export interface AdoptNotice {
  readonly code:
    /** A repository that is damaged, or two in one place. */
    | "damaged"
    /** The beginning of a repository, with nothing in it. */
    | "half_made"
    /** No password that was given opens it, or none was given and it needs one. */
    | "not_opened"
    /** It could not be read: permissions, a failing disk, an unknown format. */
    | "unreadable"
    /** It cannot be in the document. */
    | "left_out"
    /** A repository of which it is not known whose volume it is. */
    | "whose"
    /** An identity of which that is not known. */
    | "unclear_identity"
    | "guessed_cluster"
    | "root_filesystem"
    | "crossed_mount"
    | "prepared"
    | "copy"
    | "twin"
    | "stray_shards"
    | "adopted_before"
  readonly path: string | null
  readonly message: string
  readonly hint: string | null
}

/** Names for entries of a document, none twice. */
export class Names {
  readonly #used = new Set<string>()

  /** The wanted name as the document allows it, with a number where it is taken. */
  take(wanted: string): string {
    const plain = wanted
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, 56)
      .replace(/^-+|-+$/g, "")
    const base = plain === "" ? "unnamed" : plain
    for (let number = 1; ; number++) {
      const name = number === 1 ? base : `${base}-${number}`
      if (this.#used.has(name)) continue
      this.#used.add(name)
      return name
    }
  }
}
