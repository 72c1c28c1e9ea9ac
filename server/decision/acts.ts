import type { Engine } from "../../storage/repository.js"

/** The commands that hints name, each in one place, so that a hint and the command line cannot drift apart. */
export const acts = {
  acceptStore: (store: string) => `cistern stores accept ${quoted(store)}`,
  /** Acknowledges that exactly this repository is now in the pinned one's place. */
  acceptRepository: (repository: string, found: string) =>
    `cistern repositories accept ${quoted(repository)} --id ${quoted(found)}`,
  /** Acknowledges that the newest snapshot the ledger knows of an identity is gone for good. */
  acceptLoss: (repository: string, identity: string) =>
    `cistern repositories accept ${quoted(repository)} --gone ${quoted(identity)}`,
  createRepository: (repository: string) => `cistern repositories create ${quoted(repository)}`,
  listSnapshots: (volume: string) => `cistern snapshots ${quoted(volume)}`,
  freshOnce: (volume: string) => `cistern volumes fresh-once ${quoted(volume)}`,
  doctor: () => "cistern doctor",
  deleteSnapshot: (engine: Engine, id: string) =>
    engine === "kopia" ? `kopia snapshot delete ${quoted(id)} --delete` : `restic forget ${quoted(id)}`,
  /** The lines of the document that say which identity is a volume's. */
  mapVolume: (volume: string, identity: string) =>
    `volumes: {${JSON.stringify(volume)}: ${JSON.stringify(identity)}}`,
  dismiss: (identity: string) => `dismissed: [${JSON.stringify(identity)}]`,
}

/** For a POSIX shell. Names out of a repository are anybody's text, and hints are made to be pasted. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
