import type { Engine } from "../../storage/repository.js"

/** The commands that hints name, each in one place, so that a hint and the command line cannot drift apart. */
export const acts = {
  acceptStore: (store: string) => `cistern stores accept ${quoted(store)}`,
  /** Acknowledges that exactly this repository is now in the pinned one's place. */
  acceptRepository: (which: Named, found: string) => `${accept(which)} --id ${quoted(found)}`,
  /** Acknowledges that the newest snapshot the ledger knows of an identity is gone for good. */
  acceptLoss: (which: Named, identity: string) => `${accept(which)} --gone ${quoted(identity)}`,
  /** Acknowledges that metadata files vanished on purpose, as by a rollback. */
  acceptLostIndex: (which: Named) => `${accept(which)} --lost-index`,
  freshOnce: (volume: string) => `cistern fresh-once ${quoted(volume)}`,
  doctor: () => "cistern doctor",
  deleteSnapshot: (engine: Engine, id: string) =>
    engine === "kopia" ? `kopia snapshot delete ${quoted(id)} --delete` : `restic forget ${quoted(id)}`,
  /** Brings a snapshot's files out with our own reader, past the mover. */
  restoreSnapshot: (place: string, id: string) =>
    `cistern restore ${quoted(id)} --at ${quoted(place)} --password-file FILE --to DIRECTORY`,
  /** The lines of the document that say which identity is a volume's. */
  mapVolume: (volume: string, identity: string) =>
    `volumes: {${JSON.stringify(volume)}: ${JSON.stringify(identity)}}`,
  dismiss: (identity: string) => `dismissed: [${JSON.stringify(identity)}]`,
}

/** A repository as the command line names it: of a tree of repositories, also which directory. */
interface Named {
  readonly name: string
  readonly pathInStore: string | undefined
}

function accept({ name, pathInStore }: Named): string {
  const path = pathInStore === undefined ? "" : ` --path ${quoted(pathInStore)}`
  return `cistern repositories accept ${quoted(name)}${path}`
}

/** For a POSIX shell. Names out of a repository are anybody's text, and hints are made to be pasted. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
