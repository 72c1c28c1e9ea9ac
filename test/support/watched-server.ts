import type {
  ApplyOptions,
  ExportPlan,
  ExportRefusal,
  NfsExport,
  NfsServer,
  NfsServerKind,
  NfsServerState,
} from "../../storage/nfs/index.js"

export type ServerCall = "state" | "refusals" | "plan" | "apply"

/** A real NFS server, where a test sees what is asked of it, and says what happens before it answers. */
export class WatchedServer implements NfsServer {
  readonly kind: NfsServerKind
  readonly calls: ServerCall[] = []
  /** Waited for before a call goes on. */
  before: (call: ServerCall) => unknown = () => undefined
  readonly #server: NfsServer

  constructor(server: NfsServer, kind: NfsServerKind = server.kind) {
    this.#server = server
    this.kind = kind
  }

  /** How often something was asked. */
  count(wanted: ServerCall): number {
    return this.calls.filter((call) => call === wanted).length
  }

  async state(): Promise<NfsServerState | undefined> {
    await this.#called("state")
    return this.#server.state()
  }

  async refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]> {
    await this.#called("refusals")
    return this.#server.refusals(wanted)
  }

  async plan(wanted: readonly NfsExport[], options: ApplyOptions): Promise<ExportPlan> {
    await this.#called("plan")
    return this.#server.plan(wanted, options)
  }

  async apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void> {
    await this.#called("apply")
    await this.#server.apply(wanted, options)
  }

  async #called(call: ServerCall): Promise<void> {
    this.calls.push(call)
    await this.before(call)
  }
}

/** Holds every call of a kind back until it is let go. */
export function holding(server: WatchedServer, held: ServerCall): () => void {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  server.before = (call) => (call === held ? released : undefined)
  return () => {
    server.before = () => undefined
    release()
  }
}
