import { describe, expect, it } from "vitest"
import { type OwnRules, parseOwnRules } from "../../../../storage/nfs/index.js"

const rules: OwnRules = {
  exports: [
    {
      path: "/volume1/backup",
      mountPoint: undefined,
      crossMounts: true,
      fsid: undefined,
      clients: [
        { network: "10.1.0.0/16", access: "readWrite", squash: { uid: 1024, gid: 100 } },
        { network: "10.2.0.0/16", access: "readOnly", squash: undefined },
      ],
    },
  ],
  rules: [
    {
      share: "backup",
      uuid: undefined,
      rule: {
        client: "10.1.0.0/16",
        privilege: "rw",
        squash: "all_admin",
        async: false,
        insecure: undefined,
        crossMounts: true,
        security: ["sys"],
      },
    },
  ],
  unsure: [],
}

describe("what is remembered of our rules", () => {
  it("comes back as it was kept", () => {
    expect(parseOwnRules(JSON.parse(JSON.stringify(rules)), "rules.json")).toStrictEqual(rules)
  })

  const kept = JSON.parse(JSON.stringify(rules)) as Record<string, unknown>
  const broken: readonly (readonly [string, unknown])[] = [
    ["null", null],
    ["a list", []],
    ["without exports", { ...kept, exports: undefined }],
    ["without rules", { ...kept, rules: undefined }],
    ["without unsure", { ...kept, unsure: undefined }],
    ["with an export that is a text", { ...kept, exports: ["/volume1/backup"] }],
    ["with an export without clients", { ...kept, exports: [{ ...rules.exports[0], clients: undefined }] }],
    [
      "with an unknown access",
      { ...kept, exports: [{ ...rules.exports[0], clients: [{ network: "10.0.0.0/8", access: "all" }] }] },
    ],
    [
      "with a rule without a client",
      { ...kept, rules: [{ share: "backup", rule: { privilege: "rw", squash: "root" } }] },
    ],
    ["with a rule of no share", { ...kept, unsure: [{ rule: rules.rules[0]?.rule }] }],
  ]

  it.each(broken)("%s is an error, never nothing", (_, value) => {
    expect(() => parseOwnRules(value, "rules.json")).toThrow(
      expect.objectContaining({ code: "corrupt" }) as Error,
    )
  })
})
