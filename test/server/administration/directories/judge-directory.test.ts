import { describe, expect, it } from "vitest"
import {
  expectationOf,
  type Expectation,
} from "../../../../server/administration/directories/expected-owner.js"
import {
  type JudgedDirectory,
  judgeDirectory,
} from "../../../../server/administration/directories/judge-directory.js"
import type { DirectoryLook, OwnedGroup } from "../../../../storage/disk/index.js"

const mover = { uid: 568, gid: 568 }
const byExport: Expectation = {
  owner: { ...mover, mode: undefined, from: "export" },
  squashes: [mover],
  exported: "restic",
}
const byDocument: Expectation = {
  owner: { ...mover, mode: undefined, from: "document" },
  squashes: [],
  exported: "restic",
}

const look: DirectoryLook = {
  path: "/nas/restic/media/radarr",
  ...mover,
  mode: 0o700,
  above: [
    { path: "/nas", uid: 0, gid: 0, mode: 0o700 },
    { path: "/nas/restic", uid: 0, gid: 0, mode: 0o755 },
    { path: "/nas/restic/media", uid: 0, gid: 0, mode: 0o755 },
  ],
  below: [],
  looked: 10,
  unreadable: undefined,
}

function group(uid: number, gid: number, mode: number, more: Partial<OwnedGroup> = {}): OwnedGroup {
  return { uid, gid, mode, kind: "file", count: 1, example: "/nas/restic/media/radarr/config", ...more }
}

function judge(found: Partial<DirectoryLook>, more: Partial<JudgedDirectory> = {}) {
  return judgeDirectory({
    look: { ...look, ...found },
    expectation: byExport,
    engine: "restic",
    store: { name: "nas", path: "/nas" },
    path: "restic/media/radarr",
    user: 0,
    ...more,
  })
}

const codes = (...found: Parameters<typeof judge>) => judge(...found).map(({ code }) => code)

describe("a directory", () => {
  it("in which its mover can do everything is right, whatever lies above the export", () => {
    expect(judge({ below: [group(568, 568, 0o400), group(568, 568, 0o700, { kind: "directory" })] })).toEqual(
      [],
    )
  })

  it("that its mover may not work in names owner, mode and the command", () => {
    expect(judge({ uid: 0, gid: 0, mode: 0o755 })).toEqual([
      {
        code: "not_writable",
        severity: "fail",
        message:
          "568:568, whom the export makes everybody, may not work in /nas/restic/media/radarr: it is 0:0, mode 0755",
        hint: "`cistern directories repair nas:restic/media/radarr` shows what it changes, and asks.",
      },
    ])
    expect(codes({ mode: 0o500 })).toEqual(["not_writable"])
  })

  it("of another owner that lets its mover work all the same is worth a warning", () => {
    expect(judge({ uid: 0, gid: 568, mode: 0o770 })).toMatchObject([
      { code: "owned_by_another", severity: "warn" },
    ])
  })

  it("of another mode than the document's is told, and only then", () => {
    const owner = { ...mover, mode: 0o2770, from: "document" } as const
    expect(judge({ mode: 0o770 }, { expectation: { ...byDocument, owner } })).toMatchObject([
      { code: "wrong_mode", severity: "warn", message: expect.stringContaining("0770, not 2770") as string },
    ])
    expect(judge({ mode: 0o2770 }, { expectation: { ...byDocument, owner } })).toEqual([])
  })

  it("that cannot be reached from the export names what is in the way, and the command for that", () => {
    const above = look.above.map((one) => (one.path === "/nas/restic" ? { ...one, mode: 0o700 } : one))
    expect(judge({ above })).toMatchObject([
      {
        code: "no_way",
        severity: "fail",
        message: expect.stringContaining("may not enter /nas/restic (0:0, mode 0700)") as string,
        hint: expect.stringContaining("`cistern directories repair nas:restic`") as string,
      },
    ])
    expect(judge({ above }, { expectation: { ...byExport, exported: "restic/media" } })).toEqual([])
    expect(judge({}, { expectation: { ...byExport, exported: "" } })).toMatchObject([
      { code: "no_way", hint: "Let it in: chmod o+x /nas" },
    ])
    expect(judge({ above }, { expectation: { ...byExport, exported: undefined } })).toEqual([])
  })
})

describe("what another user wrote", () => {
  it.each([
    [byExport, group(1000, 1000, 0o600), "restic", "before that, or by a program on the NAS"],
    [byDocument, group(65_534, 65_534, 0o600), "restic", "ran as root, which the server made nobody"],
    [byDocument, group(0, 0, 0o600), "restic", "lets root be root"],
    [byDocument, group(1000, 1000, 0o600), "kopia", "KopiaMaintenance"],
    [byDocument, group(1000, 1000, 0o600), "restic", "Give the mover moverSecurityContext"],
    [byDocument, group(568, 0, 0o400), "restic", "without its group"],
  ] as const)("has its likely cause and remedy: %#", (expectation, written, engine, word) => {
    const [finding] = judge({ below: [written] }, { expectation, engine })
    expect(finding?.hint).toContain(word)
    expect(finding?.hint).toContain("`cistern directories repair nas:restic/media/radarr --recursive`")
    expect(finding?.message).toContain(`uid ${written.uid} wrote /nas/restic/media/radarr/config`)
  })

  it("is a failure where the mover cannot read it, or cannot write in a folder, and else a warning", () => {
    expect(judge({ below: [group(1000, 1000, 0o600)] })).toMatchObject([
      { code: "written_by_another", severity: "fail" },
    ])
    expect(judge({ below: [group(1000, 1000, 0o644)] })).toMatchObject([
      { code: "owned_by_another", severity: "warn" },
    ])
    expect(judge({ below: [group(1000, 1000, 0o755, { kind: "directory" })] })).toMatchObject([
      { severity: "fail" },
    ])
    expect(judge({ below: [group(1000, 568, 0o640)] })).toMatchObject([{ severity: "warn" }])
  })

  it("counts what cannot be used, and names one of those", () => {
    const below = [
      group(1000, 1000, 0o644, { count: 5, example: "/open" }),
      group(1000, 1000, 0o600, { count: 2, example: "/shut" }),
    ]
    expect(judge({ below })[0]?.message).toContain(
      "wrote /shut (1000:1000, mode 0600), which 568:568 may not use; 2 of 10",
    )
  })

  it("shut to its own owner is found too", () => {
    expect(codes({ below: [group(568, 568, 0o000)] })).toEqual(["written_by_another"])
  })

  it("is told of three users at most", () => {
    expect(judge({ below: [1, 2, 3, 4, 5].map((uid) => group(uid, uid, 0o600)) })).toHaveLength(3)
  })
})

describe("besides", () => {
  it("an export that makes everybody another than the document says is a failure", () => {
    const expectation = { ...byDocument, squashes: [{ uid: 1000, gid: 1000 }] }
    expect(judge({}, { expectation })).toMatchObject([
      {
        code: "squash_differs",
        severity: "fail",
        hint: expect.stringContaining("squash: { uid: 568, gid: 568 }") as string,
      },
    ])
  })

  it("exports that contradict each other say nothing together", () => {
    const expectation = { owner: undefined, squashes: [mover, { uid: 1000, gid: 1000 }], exported: "restic" }
    expect(codes({}, { expectation })).toEqual(["squash_differs"])
  })

  it("several owners of whom nobody knows which is right are told, one alone is not", () => {
    const expectation = { owner: undefined, squashes: [], exported: undefined }
    expect(codes({ below: [group(568, 568, 0o600)] }, { expectation })).toEqual([])
    expect(codes({ below: [group(1000, 568, 0o600)] }, { expectation })).toEqual(["several_owners"])
  })

  it("what everybody may write to, and what the daemon may not read, are warnings behind failures", () => {
    const unreadable = { count: 3, example: "/x" }
    expect(codes({ uid: 0, mode: 0o707, gid: 0, unreadable })).toEqual([
      "owned_by_another",
      "world_writable",
      "unreadable_to_daemon",
    ])
    expect(codes({ below: [group(1000, 1000, 0o602)], unreadable })).toEqual([
      "written_by_another",
      "world_writable",
      "unreadable_to_daemon",
    ])
  })

  it("commands can be pasted, whatever the path", () => {
    const [finding] = judge({ uid: 0 }, { path: "it's $(rm -rf)/x" })
    expect(finding?.hint).toContain("repair 'nas:it'\\''s $(rm -rf)/x'")
  })
})

describe("whose a directory should be", () => {
  const place = { kind: "store", store: "nas", path: "restic/{namespace}/{pvc}" } as const
  const repository = { owner: undefined, cluster: "home", place }
  const exportAt = (path: string, squash: typeof mover | undefined, more: object = {}) => ({
    store: "nas",
    path,
    cluster: "home",
    access: "readWrite" as const,
    hosts: [],
    netgroups: [],
    squash,
    ...more,
  })
  const of = (exports: ReturnType<typeof exportAt>[], owner?: { uid: number; gid: number; mode?: string }) =>
    expectationOf({ exports }, { ...repository, owner }, "restic/media/radarr")

  it("is what the document says before what the export does", () => {
    expect(of([exportAt("restic", { uid: 1, gid: 1 })], { ...mover, mode: "0750" })).toEqual({
      owner: { ...mover, mode: 0o750, from: "document" },
      squashes: [{ uid: 1, gid: 1 }],
      exported: "restic",
    })
    expect(of([exportAt("", mover)])).toMatchObject({ owner: { ...mover, from: "export" }, exported: "" })
  })

  it("is said by no export of another path, cluster or store, or for reading", () => {
    for (const other of [
      exportAt("resti", mover),
      exportAt("restic/media/radarr2", mover),
      exportAt("restic", mover, { cluster: "work" }),
      exportAt("restic", mover, { store: "other" }),
      exportAt("restic", mover, { access: "readOnly" }),
    ]) {
      expect(of([other])).toEqual({ owner: undefined, squashes: [], exported: undefined })
    }
  })

  it("is nobody's where exports differ, and one's where they agree", () => {
    expect(of([exportAt("restic", mover), exportAt("", { uid: 1, gid: 1 })]).owner).toBeUndefined()
    expect(of([exportAt("restic", mover), exportAt("", mover)]).owner).toMatchObject(mover)
    expect(of([exportAt("restic", undefined)])).toEqual({
      owner: undefined,
      squashes: [],
      exported: "restic",
    })
  })
})
