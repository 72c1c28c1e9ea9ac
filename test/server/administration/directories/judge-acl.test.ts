import { describe, expect, it } from "vitest"
import {
  expectationOf,
  type ExpectedOwner,
  newOwner,
} from "../../../../server/administration/directories/expected-owner.js"
import { judgeAcl } from "../../../../server/administration/directories/judge-acl.js"
import { type AclLook, declaredAcl, type DirectoryLook, shownMode } from "../../../../storage/disk/index.js"

const { owner } = expectationOf(
  { exports: [] },
  {
    cluster: "home",
    place: { kind: "store", store: "tank", path: "kopia" },
    owner: { uid: 568, gid: 568, mode: "2750", acl: ["user:3000:rwx", "group:4000:r-x"] },
  },
  "kopia",
)
if (owner?.acl === undefined || owner.mode === undefined) throw new RangeError("nobody is named")
const { acl, mode } = owner
const declared: ExpectedOwner = owner
const list = declaredAcl(mode, acl)
const right: AclLook = { kind: "read", access: list, inherited: list }

const look: DirectoryLook = {
  path: "/nas/it's",
  uid: 568,
  gid: 568,
  mode: shownMode(mode, acl),
  above: [],
  below: [],
  looked: 0,
  unreadable: undefined,
}

const LINE = `setfacl --set user::rwx,user:3000:rwx,group:4000:r-x,group::r-x,mask::rwx,other::---,default:user::rwx,default:user:3000:rwx,default:group:4000:r-x,default:group::r-x,default:mask::rwx,default:other::--- -- '/nas/it'\\''s'`

function judge(found: AclLook | undefined, more: Partial<DirectoryLook> = {}, of = declared) {
  return judgeAcl({ ...look, ...more, ...(found && { acl: found }) }, of)
}

describe("the access control list of a directory", () => {
  it("is right where it is as declared, and its owner new as such", () => {
    expect(judge(right)).toEqual([])
    expect(newOwner(declared)).toEqual({ uid: 568, gid: 568, mode: 0o2750, acl })
  })

  it("is not complained of where none was declared, whatever it is", () => {
    const { uid, gid, from } = declared
    const nobody = { uid, gid, mode, from }
    expect(judge(right, {}, nobody)).toEqual([])
    expect(judge(undefined, {}, nobody)).toEqual([])
  })

  it("that lacks somebody is a failure, with the exact line", () => {
    const access = { ...list, named: list.named.slice(1) }
    expect(judge({ ...right, access })).toEqual([
      {
        code: "acl_differs",
        severity: "fail",
        message:
          "/nas/it's: user:3000:rwx should be in its access control list, which is user::rwx,group:4000:r-x,group::r-x,mask::rwx,other::---",
        hint: `Set it, as root: ${LINE}`,
      },
    ])
    const less = {
      ...list,
      named: [{ kind: "user", id: 3000, rights: 0o5 } as const, ...list.named.slice(1)],
    }
    expect(judge({ ...right, access: less })).toMatchObject([{ code: "acl_differs", severity: "fail" }])
  })

  it("whose mask takes rights away is a failure that names whose", () => {
    const access = { ...list, mask: 0o5 }
    expect(judge({ ...right, access })).toMatchObject([
      {
        code: "acl_masked",
        severity: "fail",
        message: expect.stringMatching(/away from user:3000:rwx$/) as string,
      },
    ])
  })

  it("that is not inherited, or another one, is worth a warning", () => {
    expect(judge({ ...right, inherited: undefined })).toMatchObject([
      { code: "acl_differs", severity: "warn" },
    ])
    expect(judge({ ...right, inherited: { ...list, mask: 0 } })).toMatchObject([
      { code: "acl_masked", severity: "warn" },
    ])
  })

  it("that allows more than declared is worth a warning", () => {
    const more = { ...list, named: [...list.named, { kind: "user", id: 7, rights: 0o7 } as const] }
    expect(judge({ ...right, access: more })).toMatchObject([{ code: "acl_differs", severity: "warn" }])
    expect(judge({ ...right, access: { ...list, group: 0o7 } })).toMatchObject([
      { code: "acl_differs", severity: "warn" },
    ])
  })

  it("is judged without the rest where no mode was declared, and the line keeps what is there", () => {
    const open = { ...declared, mode: undefined }
    const found = { user: 7, group: 1, other: 2, mask: undefined, named: [] }
    const [finding] = judge({ kind: "read", access: found, inherited: undefined }, {}, open)
    expect(finding?.hint).toContain("group::--x")
    // Nobody is told to let everybody write.
    expect(finding?.hint).toContain("other::---")
    expect(judge({ ...right, access: { ...list, group: 0 } }, {}, open)).toEqual([])
  })

  it("is unknown where it could not be read, or was not", () => {
    const [finding] = judge({ kind: "unknown", why: "there is no program getfacl", hint: "Install it." })
    expect(finding).toMatchObject({ code: "acl_unknown", severity: "warn", hint: "Install it." })
    expect(judge(undefined)).toMatchObject([{ code: "acl_unknown" }])
  })

  it("says how set-gid is given and taken", () => {
    expect(judge(right, { mode: 0o770 })).toMatchObject([
      { code: "wrong_mode", hint: "Set it, as root: chmod 02770 '/nas/it'\\''s'" },
    ])
  })
})
