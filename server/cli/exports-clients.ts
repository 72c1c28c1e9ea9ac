import type { Command } from "commander"
import {
  type NfsClientJson,
  type NfsClientsJson,
  nfsClientsJson,
  nfsClientsPath,
  type NfsTrafficJson,
} from "../http/contract/nfs-clients.js"
import type { Context } from "./context.js"
import { formatBytes, formatCount, formatTime } from "./figures.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"
import type { Column } from "./table.js"

const kinds: Record<NfsClientJson["kind"], (cluster: string | null) => string> = {
  cluster: (cluster) => cluster ?? "-",
  stranger: () => "none: a stranger",
  machine: () => "this machine",
}

/** Who tells of a client. */
const sourceNames: Record<NfsClientJson["sources"][number], string> = {
  kernel: "kernel",
  rmtab: "rmtab",
  connections: "TCP",
  ganesha: "Ganesha",
  truenas: "TrueNAS",
  synology: "DSM",
}

const columns: readonly Column<NfsClientJson>[] = [
  { title: "ADDRESS", of: ({ address }) => address },
  { title: "CLUSTER", of: ({ kind, cluster }) => kinds[kind](cluster) },
  { title: "VERSION", of: ({ versions }) => (versions.length === 0 ? "unknown" : versions.join(" ")) },
  { title: "STATE", of: ({ state }) => state },
  { title: "LAST SEEN (UTC)", of: ({ renewedAt }) => formatTime(renewedAt) },
  { title: "CONNECTIONS", of: ({ connections }) => formatCount(connections), align: "right" },
  { title: "READ", of: ({ readBytes }) => formatBytes(readBytes), align: "right" },
  { title: "WRITTEN", of: ({ writtenBytes }) => formatBytes(writtenBytes), align: "right" },
  { title: "OPEN", of: openFiles, align: "right" },
  { title: "MOUNTED", of: mounted },
  { title: "BY", of: ({ sources }) => sources.map((source) => sourceNames[source]).join(", ") },
]

const trafficColumns: readonly Column<NfsTrafficJson>[] = [
  { title: "DIRECTORY", of: ({ directory }) => directory },
  { title: "CLIENTS", of: ({ clients }) => (clients.length === 0 ? "all" : clients.join(" ")) },
  { title: "READ", of: ({ readBytes }) => formatBytes(readBytes), align: "right" },
  { title: "WRITTEN", of: ({ writtenBytes }) => formatBytes(writtenBytes), align: "right" },
  { title: "SINCE (UTC)", of: ({ since }) => formatTime(since) },
]

export function exportsClientsCommand(exports: Command, context: Context): void {
  exports
    .command("clients")
    .description("who is connected to the NFS server of this machine now")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = await context.daemon().get(nfsClientsPath, nfsClientsJson)
      if (json === true) context.out.json(answer)
      else print(answer, context.out)
    })
}

function print({ readAt, told, server, clients, traffic, ...more }: NfsClientsJson, out: Output): void {
  const { notices, problems } = more
  out.table(
    clients,
    columns,
    problems.length === 0 ? "Nobody is connected." : "It cannot be told who is connected.",
  )
  if (traffic !== null && traffic.length > 0) {
    out.text("")
    out.table(traffic, trafficColumns, "")
  }
  if (server !== null) out.text(`\n${serverLine(server)}`)
  for (const { message, hint } of [...notices, ...problems])
    out.note(out.colour("yellow", printable(message)) + (hint === null ? "" : `\n  ${printable(hint)}`))
  const by = told === null ? "" : `; ${sourceNames[told.source]} told at ${formatTime(told.readAt)}`
  out.note(`Read at ${formatTime(readAt)} (UTC)${by}.`)
}

/** What nfsstat would show of it. */
function serverLine({
  running,
  threads,
  versions,
  ...counts
}: NonNullable<NfsClientsJson["server"]>): string {
  if (!running) return "The kernel's server is stopped."
  const bytes = (count: number | null): string => (count === null ? "unknown" : formatBytes(count))
  const calls = [
    ["3", counts.version3],
    ["4", counts.version4],
  ] as const
  const parts = calls.flatMap(([version, told]) =>
    told === null
      ? []
      : [`version ${version}: ${told.calls} calls (${told.reads} read, ${told.writes} write)`],
  )
  const head = `The kernel's server: ${threads} threads, versions ${versions?.join(" ") ?? "unknown"}`
  const traffic = `since it was loaded ${bytes(counts.readBytes)} read, ${bytes(counts.writtenBytes)} written`
  return `${[head, traffic, ...parts].join("; ")}.`
}

/** Only clients of version 4 hold files, and NFS-Ganesha does not tell which. */
function openFiles({ held, versions, sources }: NfsClientJson): string {
  const open = held.reduce((sum, one) => sum + one.open, 0)
  const isTold = sources.includes("kernel") || sources.includes("truenas")
  return isTold && versions.some((version) => version.startsWith("4")) ? String(open) : "-"
}

function mounted({ mounts, onceMounted }: NfsClientJson): string {
  const certain = mounts === null ? "unknown" : `at least ${mounts.join(" ")}`
  return onceMounted.length === 0 ? certain : `${certain}, once ${onceMounted.join(" ")}`
}
