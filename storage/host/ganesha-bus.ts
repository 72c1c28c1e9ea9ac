import { StorageError } from "../errors.js"
import type { GaneshaAnswer, GaneshaBus, GaneshaMethod } from "../nfs/index.js"
import type { ProgramAnswer } from "./run-program.js"

export interface GaneshaBusOptions {
  /** Of the bus, as D-Bus writes it; the system's own where none is given. */
  readonly address?: string
  /** A disk may have to wake up before a directory can be exported. */
  readonly milliseconds?: number
  readonly program?: string
}

const NAME = "org.ganesha.nfsd"
const EXPORTS = "/org/ganesha/nfsd/ExportMgr"
const CLIENTS = "/org/ganesha/nfsd/ClientMgr"
const BUS = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"] as const

/** Object, interface, and the signature of the arguments. */
const METHODS: Readonly<Record<GaneshaMethod, readonly [string, string, ...(readonly string[])]>> = {
  ShowExports: [EXPORTS, "exportmgr"],
  DisplayExport: [EXPORTS, "exportmgr", "q"],
  AddExport: [EXPORTS, "exportmgr", "ss"],
  UpdateExport: [EXPORTS, "exportmgr", "ss"],
  RemoveExport: [EXPORTS, "exportmgr", "q"],
  GetNFSIO: [EXPORTS, "exportstats"],
  ShowClients: [CLIENTS, "clientmgr"],
  GetNFSv3IO: [CLIENTS, "clientstats", "s"],
  GetNFSv40IO: [CLIENTS, "clientstats", "s"],
  GetNFSv41IO: [CLIENTS, "clientstats", "s"],
  GetNFSv42IO: [CLIENTS, "clientstats", "s"],
}

/** The running NFS-Ganesha, by systemd's `busctl`, which writes replies as JSON. */
export function ganeshaBus({
  address,
  milliseconds = 30_000,
  program = "busctl",
}: GaneshaBusOptions = {}): GaneshaBus {
  const fixed = [
    ...(address === undefined ? ["--system"] : [`--address=${address}`]),
    "--json=short",
    "--auto-start=no",
    "--allow-interactive-authorization=no",
    // It has a limit of its own, and does not say by its exit code that it was reached: ours comes first.
    `--timeout=${Math.ceil(milliseconds / 1000) + 60}`,
    "call",
  ]
  const ask = async (words: readonly string[]): Promise<ProgramAnswer> => {
    // What starts programs takes long to load, and few daemons export.
    const { runForAnswer } = await import("./run-program.js")
    try {
      return await runForAnswer(program, [...fixed, ...words], { milliseconds })
    } catch (cause) {
      throw cause instanceof StorageError && cause.code === "timeout" ? silent(milliseconds, cause) : cause
    }
  }
  return {
    isThere: async () => {
      const answer = await ask([...BUS, "NameHasOwner", "s", NAME])
      const there = answer.exitCode === 0 ? valuesOf(answer.stdout)[0] : undefined
      if (typeof there === "boolean") return there
      throw new StorageError("unreadable", `D-Bus cannot be asked for NFS-Ganesha: ${saidBy(answer)}`, {
        hint: "Look at the bus: `busctl status`. In a container, mount the machine's /run/dbus.",
      })
    },
    call: async (method, ...args): Promise<GaneshaAnswer> => {
      const [object, face, ...signature] = METHODS[method]
      const answer = await ask([NAME, object, `${NAME}.${face}`, method, ...signature, ...args])
      if (answer.exitCode !== 0) return { ok: false, said: saidBy(answer) }
      return { ok: true, values: valuesOf(answer.stdout) }
    },
  }
}

/** A reply without values is no output at all. */
function valuesOf(stdout: string): readonly unknown[] {
  if (stdout.trim() === "") return []
  try {
    const reply: unknown = JSON.parse(stdout)
    if (typeof reply === "object" && reply !== null && "data" in reply && Array.isArray(reply.data)) {
      return reply.data as readonly unknown[]
    }
  } catch {
    // As for any other answer.
  }
  throw new StorageError("corrupt", "busctl does not answer in the JSON of its replies", {
    hint: "Cistern needs systemd 240 or newer.",
  })
}

function saidBy({ stderr, exitCode }: ProgramAnswer): string {
  return stderr.trim().replace(/^Call failed: /, "") || `exit code ${exitCode}`
}

function silent(milliseconds: number, cause: unknown): StorageError {
  return new StorageError("timeout", `NFS-Ganesha did not answer within ${milliseconds / 1000} s`, {
    hint: "Look whether it hangs (Debian: `systemctl status nfs-ganesha`), and at the disks that it serves.",
    cause,
  })
}
