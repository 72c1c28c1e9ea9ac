import { StorageError } from "../../../storage/index.js"
import type { NfsServer, ToldBy } from "../../../storage/nfs/index.js"
import type { Clock } from "../../catalog/index.js"
import { type Latest, Occasional } from "../occasional.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"

/** Somebody who looks again and again does not keep a NAS system busy with it. */
const ASK_AGAIN_MS = 5_000

/** What the NFS server says of itself. */
export interface ServerAnswer {
  /** The directories that it exports; undefined: it cannot be told. */
  readonly exported: readonly string[] | undefined
  /** Who is connected, where it has an interface that tells. */
  readonly told: ToldBy | undefined
  readonly problems: readonly StorageError[]
}

/** What the NFS server that the document names says by its own interface. */
export class ToldClientsKeeper {
  readonly #clock: Clock
  readonly #nfsServer: Pick<ChosenNfsServer, "current">
  #asked: { readonly of: NfsServer; readonly answers: Occasional<ServerAnswer> } | undefined

  constructor(clock: Clock, nfsServer: Pick<ChosenNfsServer, "current">) {
    this.#clock = clock
    this.#nfsServer = nfsServer
  }

  /** Undefined where no server is named. */
  async latest(): Promise<Latest<ServerAnswer> | undefined> {
    const { current } = this.#nfsServer
    if (current === undefined) return undefined
    if (this.#asked?.of !== current) {
      const parts = { clock: this.#clock, ask: () => answerOf(current), everyMs: ASK_AGAIN_MS }
      this.#asked = { of: current, answers: new Occasional(parts) }
    }
    return this.#asked.answers.latest()
  }
}

async function answerOf(server: NfsServer): Promise<ServerAnswer> {
  const problems: StorageError[] = []
  const or = <T>(asked: Promise<T> | undefined): Promise<T | undefined> | undefined =>
    asked?.catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error
      if (problems.every(({ message }) => message !== error.message)) problems.push(error)
      return undefined
    })
  // The state first: it says which server of this machine it is.
  const state = await or(server.state())
  const clients = await or(server.clients?.())
  const { kind } = server
  return {
    exported: state && [...new Set(state.active.map(({ path }) => path))],
    told: clients === undefined || kind === "kernel" ? undefined : { source: kind, ...clients },
    problems,
  }
}
