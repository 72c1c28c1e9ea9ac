import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { restartChecks } from "../../../../server/administration/exports/restart-checks.js"
import type { CheckJson } from "../../../../server/http/contract/admin.js"
import { GaneshaServer, type NfsExport } from "../../../../storage/nfs/index.js"
import { scratch } from "../../../support/fixtures.js"
import { GaneshaMachine } from "../../../support/ganesha.js"

let machine: GaneshaMachine
let server: GaneshaServer

beforeEach(async () => {
  machine = await GaneshaMachine.start()
  server = new GaneshaServer("00112233aabbccdd", machine.bus, machine.files)
})

function exported(): NfsExport {
  const path = join(scratch(), "kopia")
  mkdirSync(path)
  const clients = [{ network: "127.0.0.0/8", access: "readWrite", squash: undefined } as const]
  return { path, mountPoint: undefined, crossMounts: false, fsid: undefined, clients }
}

function check(): CheckJson | undefined {
  const [one, ...more] = restartChecks(server)
  expect(more).toEqual([])
  return one
}

describe("doctor, of a restart of NFS-Ganesha", () => {
  it("warns of what it loses, with the line to add", async () => {
    const one = exported()
    await server.apply([one], { replace: false })
    writeFileSync(machine.files.main, "NFSV4 { }\n")
    expect(check()).toMatchObject({
      status: "warn",
      detail: expect.stringContaining(one.path) as string,
      hint: `Add this line to ${machine.files.main}: %include "${machine.files.own}"`,
    })
    writeFileSync(machine.files.main, `# %include "${machine.files.own}"\n`)
    expect(check()?.status).toBe("warn")
  })

  it("is content once the line is there", async () => {
    await server.apply([exported()], { replace: false })
    writeFileSync(machine.files.main, `%include "${machine.files.own}"\n`)
    expect(check()).toMatchObject({ status: "ok", detail: "NFS-Ganesha opens 1 by itself" })
  })

  it("says nothing where nothing is exported, and of servers that forget nothing", () => {
    expect(restartChecks(server)).toEqual([])
    expect(restartChecks({})).toEqual([])
    expect(restartChecks(undefined)).toEqual([])
  })
})
