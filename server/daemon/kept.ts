import { join } from "node:path"
import { DatabaseShelf } from "../administration/index.js"
import { KnownVolumes } from "../answers/index.js"
import {
  type BlobCache,
  openBlobCache,
  openDatabase,
  SnapshotIntegrityTable,
  type StateDatabase,
} from "../db/index.js"
import { type FindingsRoom, openFindings, SnapshotIntegrity } from "../findings/index.js"
import { Ledger } from "../ledger/index.js"
import { openSecrets, type Secrets } from "../secrets/index.js"
import type { Surroundings } from "./surroundings.js"

/** What outlives the process, open. */
export interface Kept {
  readonly database: StateDatabase
  readonly cache: BlobCache
  readonly ledger: Ledger
  readonly secrets: Secrets
  readonly shelf: DatabaseShelf
  readonly integrity: SnapshotIntegrity
  readonly findings: FindingsRoom
  /** Volumes that were asked about, those of earlier runs among them. */
  readonly known: KnownVolumes
  close(): void
}

/** What nothing was read of for so long is forgotten. */
const CACHE_DAYS = 90

/** Throws DatabaseError, or SecretError for the key; then the process has to end. */
export function openKept({ stateDirectory, keyFile, environment, clock, log }: Surroundings): Kept {
  const database = openDatabase(stateDirectory)
  const cache = openBlobCache(stateDirectory)
  cache.prune(CACHE_DAYS)
  const ledger = new Ledger(database)
  const secrets = openSecrets(database, keyFile ?? join(stateDirectory, "key"), environment)
  const known = new KnownVolumes()
  for (const { cluster, namespace, pvc } of ledger.asked.all()) known.add(cluster, { namespace, pvc })
  return {
    database,
    cache,
    ledger,
    secrets,
    shelf: new DatabaseShelf(database, secrets.store),
    integrity: new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection)),
    findings: openFindings(database, { now: () => clock.now().wall, log }),
    known,
    close: () => {
      ledger.asked.stop()
      cache.close()
      database.close()
    },
  }
}
