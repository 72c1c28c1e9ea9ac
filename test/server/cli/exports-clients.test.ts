import { describe, expect, it } from "vitest"
import { type NfsClientsJson, nfsClientsJson } from "../../../server/http/contract/nfs-clients.js"
import { answering } from "../../support/admin-socket.js"
import { cli } from "../../support/cli.js"

const client = {
  address: "192.168.10.11",
  sources: ["kernel" as const, "connections" as const],
  cluster: "home",
  kind: "cluster" as const,
  versions: ["4.2"],
  names: ["Linux NFSv4.2 worker-11"],
  implementations: [],
  state: "confirmed" as const,
  renewedAt: "2026-11-21T20:49:14.000Z",
  connections: 1,
  mounts: ["/srv/backups"],
  onceMounted: [],
  held: [
    { exports: ["/srv/backups"], open: 2, openToWrite: 1, locks: 0, delegations: 0, names: ["kopia/held"] },
  ],
  readBytes: null,
  writtenBytes: null,
}
const answer: NfsClientsJson = nfsClientsJson.parse({
  readAt: "2026-11-21T20:49:15.000Z",
  told: null,
  server: null,
  clients: [
    client,
    {
      ...client,
      address: "192.168.1.9",
      sources: ["connections"],
      cluster: null,
      kind: "stranger",
      versions: [],
      state: "connected",
      renewedAt: null,
      mounts: null,
      held: [],
      onceMounted: ["/srv/old"],
    },
  ],
  traffic: [
    {
      directory: "/srv/backups",
      clients: ["192.168.10.0/24"],
      since: "2026-11-21T20:48:12.000Z",
      readBytes: 0,
      writtenBytes: 2048,
      staleHandles: 0,
    },
  ],
  notices: [{ code: "stranger", message: "192.168.1.9 is a stranger", hint: "Find out who it is." }],
  problems: [],
})

describe("cistern exports clients", () => {
  it("prints who is there, what went through, and when it was looked", async () => {
    const { state, requests } = await answering(() => ({ status: 200, body: answer }))
    const { exitCode, stdout, stderr } = await cli(["exports", "clients"], {
      environment: { CISTERN_STATE: state },
    })
    expect(requests.map(({ url }) => url)).toEqual(["/api/v1/nfs/clients"])
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      `ADDRESS        CLUSTER           VERSION  STATE      LAST SEEN (UTC)      CONNECTIONS  READ  WRITTEN  OPEN  MOUNTED                 BY
192.168.10.11  home              4.2      confirmed  2026-11-21 20:49:14            1     -        -     2  at least /srv/backups   kernel, TCP
192.168.1.9    none: a stranger  unknown  connected  -                              1     -        -     -  unknown, once /srv/old  TCP

DIRECTORY     CLIENTS          READ  WRITTEN  SINCE (UTC)
/srv/backups  192.168.10.0/24   0 B  2.0 KiB  2026-11-21 20:48:12
`,
    )
    expect(stderr).toBe(
      "192.168.1.9 is a stranger\n  Find out who it is.\nRead at 2026-11-21 20:49:15 (UTC).\n",
    )
  })

  it("does not call it nobody when nobody can tell", async () => {
    const blind = {
      ...answer,
      clients: [],
      traffic: null,
      notices: [],
      problems: [{ code: "missing", message: "no server", hint: null }],
    }
    const { state } = await answering(() => ({ status: 200, body: blind }))
    const { stdout, stderr } = await cli(["exports", "clients"], { environment: { CISTERN_STATE: state } })
    expect(stdout).toBe("It cannot be told who is connected.\n")
    expect(stderr).toContain("no server\n")
  })

  it("prints what the server did as a whole, and who told", async () => {
    const server = {
      ...{ running: true, threads: 8, versions: ["3", "4.2"], readBytes: 2048, writtenBytes: null },
      ...{ version3: { calls: 12, reads: 1, writes: 2 }, version4: null },
    }
    const told = { source: "ganesha" as const, readAt: "2026-11-21T20:49:14.000Z" }
    const traffic = answer.traffic?.map((one) => ({ ...one, clients: [] })) ?? []
    const body = { ...answer, told, server, traffic, notices: [] }
    const { state } = await answering(() => ({ status: 200, body: nfsClientsJson.parse(body) }))
    const { stdout, stderr } = await cli(["exports", "clients"], { environment: { CISTERN_STATE: state } })
    expect(stdout).toContain("\n/srv/backups  all       0 B")
    expect(stdout).toContain(
      "\nThe kernel's server: 8 threads, versions 3 4.2; since it was loaded 2.0 KiB read, unknown written; version 3: 12 calls (1 read, 2 write).\n",
    )
    expect(stderr).toBe("Read at 2026-11-21 20:49:15 (UTC); Ganesha told at 2026-11-21 20:49:14.\n")
  })

  it("prints the answer with --json", async () => {
    const { state } = await answering(() => ({ status: 200, body: answer }))
    const { stdout } = await cli(["exports", "clients", "--json"], { environment: { CISTERN_STATE: state } })
    expect(JSON.parse(stdout)).toEqual(answer)
  })
})
