import { closeSync, openSync, rmSync } from "node:fs"
import { clientFiles, combineClients, readClients } from "../../../storage/nfs/index.js"
import type { Daemons } from "./daemons.js"
import { EXPORTED } from "./machine.js"
import { report } from "./report.js"

/** Who is mounted, as the server tells our code while the client holds a file open. */
export async function reportClients(mount: string, { declared }: Daemons): Promise<void> {
  const file = "/backups/held"
  const descriptor = openSync(file, "w")
  try {
    // The server is in the network namespace of the first process.
    const reading = readClients({ ...clientFiles, net: "/proc/1/net" })
    report({
      scenario: "clients",
      mount,
      threads: reading.threads,
      problems: reading.problems.map(({ message }) => message),
      shown: JSON.parse((await declared.admin("GET", "/api/v1/nfs/clients")).body) as unknown,
      rows: combineClients(reading, [EXPORTED]),
    })
  } finally {
    closeSync(descriptor)
    rmSync(file)
  }
}
