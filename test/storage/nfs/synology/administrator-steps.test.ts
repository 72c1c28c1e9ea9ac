import { describe, expect, it } from "vitest"
import { administratorSteps, type NfsExport } from "../../../../storage/nfs/index.js"

function exported(path: string, changes: Partial<NfsExport> = {}): NfsExport {
  return {
    path,
    mountPoint: undefined,
    crossMounts: false,
    fsid: undefined,
    clients: [{ network: "10.20.3.0/16", access: "readWrite", squash: { uid: 1024, gid: 100 } }],
    ...changes,
  }
}

describe("what the administrator has to do where Cistern has no account", () => {
  it("is every field of DSM's dialog, for every client", () => {
    const second = { network: "fd00::/64", access: "readOnly", squash: undefined } as const
    const one = exported("/volume1/backup", { crossMounts: true })
    expect(administratorSteps([{ ...one, clients: [...one.clients, second] }])).toEqual([
      'Control Panel > File Services > NFS: "Enable NFS service" on, and the highest NFS protocol that is offered.',
      "",
      "Control Panel > Shared Folder > backup > Edit > NFS Permissions. Remove what is not listed here and not meant. Create:",
      "  Hostname or IP: 10.20.0.0/16",
      "    Privilege: Read/Write",
      "    Squash: Map all users to admin (all_admin)",
      "    Security: sys",
      "    Enable asynchronous: off",
      "    Allow connections from non-privileged ports: off",
      "    Allow users to access mounted subfolders: on",
      "  Hostname or IP: fd00::/64",
      "    Privilege: Read only",
      "    Squash: Map root to guest (guest)",
      "    Security: sys",
      "    Enable asynchronous: off",
      "    Allow connections from non-privileged ports: off",
      "    Allow users to access mounted subfolders: on",
    ])
  })

  it("is said for each shared folder", () => {
    const steps = administratorSteps([exported("/volume1/backup"), exported("/volume12/two words")])
    expect(steps.filter((line) => line.includes("Shared Folder >"))).toEqual([
      expect.stringContaining("Shared Folder > backup >") as string,
      expect.stringContaining("Shared Folder > two words >") as string,
    ])
  })

  it.each([
    ["/volume1/backup/kopia", "for the whole shared folder /volume1/backup"],
    ["/volume1", "in no shared folder"],
    ["/srv/backup", "in no shared folder"],
    ["/", "the whole machine"],
  ])("is nothing for what DSM cannot export: %s", (path, why) => {
    expect(() => administratorSteps([exported(path)])).toThrow(why)
  })

  it("is nothing for a netgroup", () => {
    const clients = [{ network: "@movers", access: "readOnly", squash: undefined }] as const
    expect(() => administratorSteps([exported("/volume1/backup", { clients })])).toThrow("no netgroups")
  })

  it("is nothing for a user whom DSM cannot make of a client", () => {
    const clients = [{ network: "10.0.0.0/8", access: "readOnly", squash: { uid: 568, gid: 568 } }] as const
    expect(() => administratorSteps([exported("/volume1/backup", { clients })])).toThrow(
      "the user 568 in the group 568",
    )
  })
})
