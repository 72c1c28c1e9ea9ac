import type { LentRepository, LocalAdministrationParts } from "../administration/index.js"
import type { CatalogParts, Clock, ListingRhythm } from "../catalog/index.js"
import type { SecretReference } from "../config/index.js"
import type { StateFact } from "../decision/index.js"
import type { JobKind, JobsParts } from "../jobs/index.js"
import type { Secret } from "../../storage/index.js"

/** What the daemon is put into: its state, its machine, and who is told. */
export interface Surroundings {
  readonly stateDirectory: string
  /** Whether what is kept there lasts, as decisions have to know it. */
  readonly state: StateFact
  /** Of the key that seals secrets; in the state directory where it is left out. */
  readonly keyFile?: string | undefined
  readonly environment: NodeJS.ProcessEnv
  readonly clock: Clock
  /** The repository of drop-in mode. */
  readonly lent?: LentRepository | undefined
  readonly connect: CatalogParts["connect"]
  /** Instead of the sealed memory of stretched keys. */
  readonly keys?: CatalogParts["keys"]
  readonly rhythm: ListingRhythm
  /** Whether the filesystem under a path tells of changes. */
  readonly hasEvents: (path: string) => boolean
  /** `resolve` throws where the secret cannot be had. */
  readonly nfsServers: (
    resolve: (reference: SecretReference) => Secret,
  ) => LocalAdministrationParts["makeNfsServer"]
  readonly directoryAttributes: LocalAdministrationParts["directoryAttributes"]
  readonly hardware: LocalAdministrationParts["hardware"]
  readonly nfsClients: LocalAdministrationParts["nfsClients"]
  readonly engines: LocalAdministrationParts["engines"]
  readonly resolveHost: (name: string) => Promise<readonly string[]>
  readonly durability: LocalAdministrationParts["doctor"]["durability"]
  /** Kinds of jobs besides the daemon's own. */
  readonly moreJobs?: readonly JobKind[]
  /** Told of what is counted. */
  readonly counts?: {
    /** A question that took the answer of another one. */
    readonly shared: () => void
    readonly ended: NonNullable<JobsParts["ended"]>
  }
  readonly log: DaemonLog
}

export interface DaemonLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
