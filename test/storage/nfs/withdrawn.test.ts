import { describe, expect, it } from "vitest"
import { type NfsClient, type NfsExport, withoutWithdrawn } from "../../../storage/nfs/index.js"

function exported(
  path: string,
  ...clients: readonly (Partial<NfsClient> & { network: string })[]
): NfsExport {
  return {
    path,
    mountPoint: undefined,
    crossMounts: false,
    fsid: undefined,
    clients: clients.map((client) => ({ access: "readWrite", squash: { uid: 568, gid: 568 }, ...client })),
  }
}

const NET = { network: "192.168.10.0/24" }
const OTHER = { network: "10.0.0.0/8" }

describe("what is left of the exports when only withdrawals are made", () => {
  it("is everything while everything is wanted, as it was", () => {
    const own = [exported("/srv/a", NET), exported("/srv/b", OTHER, NET)]
    expect(withoutWithdrawn(own, own)).toEqual(own)
  })

  it("is no directory that is not wanted any more, and none whose clients are all others now", () => {
    const own = [exported("/srv/a", NET), exported("/srv/b", NET)]
    expect(withoutWithdrawn(own, [exported("/srv/b", OTHER)])).toEqual([])
  })

  it("is no client that is not wanted any more, and those beside it", () => {
    const [own, wanted] = [exported("/srv/a", NET, OTHER), exported("/srv/a", OTHER)]
    expect(withoutWithdrawn([own], [wanted])).toEqual([wanted])
  })

  it("is a client that may write no more, reading", () => {
    const wanted = exported("/srv/a", { ...NET, access: "readOnly" })
    expect(withoutWithdrawn([exported("/srv/a", NET)], [wanted])).toEqual([wanted])
  })

  it("gives nobody anything: no directory, no client, no right to write, no other user", () => {
    const own = exported("/srv/a", { ...NET, access: "readOnly" })
    const wanted = exported("/srv/a", { ...NET, squash: { uid: 0, gid: 0 } }, OTHER)
    expect(withoutWithdrawn([own], [wanted, exported("/srv/b", NET)])).toEqual([own])
  })

  it.each([
    ["fd00:20::/64", "FD00:20:0:0::/64"],
    ["FD00:20:0:0::/64", "fd00:20::/64"],
  ])("knows a network by whatever spelling: %s, %s", (had, wanted) => {
    const own = exported("/srv/a", { network: had })
    expect(withoutWithdrawn([own], [exported("/srv/a", { network: wanted })])).toEqual([own])
  })
})
