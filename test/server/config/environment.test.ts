import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { adminSocketPath } from "../../../server/config/admin-socket.js"
import { ConfigError } from "../../../server/config/config-error.js"
import { readEnvironment } from "../../../server/config/environment.js"
import { parseListenAddress } from "../../../server/config/listen-address.js"

describe("the environment", () => {
  it("need not say anything", () => {
    expect(readEnvironment({})).toEqual({
      stateDirectory: join(import.meta.dirname, "../../../.cistern"),
      listen: { host: "127.0.0.1", port: 8080 },
      configFile: undefined,
      logLevel: "info",
      kopia: undefined,
      restic: undefined,
    })
  })

  it("says where things are", () => {
    expect(
      readEnvironment({
        CISTERN_STATE: "/var/lib/x",
        CISTERN_LISTEN: "[::]:80",
        CISTERN_CONFIG: "/etc/cistern.yaml",
        CISTERN_KOPIA: "/opt/kopia",
        CISTERN_RESTIC: "/opt/restic",
        LOG_LEVEL: "DEBUG",
      }),
    ).toEqual({
      stateDirectory: "/var/lib/x",
      listen: { host: "::", port: 80 },
      configFile: "/etc/cistern.yaml",
      logLevel: "debug",
      kopia: "/opt/kopia",
      restic: "/opt/restic",
    })
  })

  it("that is set to nothing counts as not set", () => {
    expect(readEnvironment({ CISTERN_LISTEN: "", LOG_LEVEL: " " })).toEqual(readEnvironment({}))
  })

  it("with an unknown level means info, as in pvc-plumber", () => {
    expect(readEnvironment({ LOG_LEVEL: "loud" }).logLevel).toBe("info")
  })
})

describe("an address to listen on", () => {
  it.each([
    ["127.0.0.1:8080", { host: "127.0.0.1", port: 8080 }],
    ["[::1]:8080", { host: "::1", port: 8080 }],
    [":8080", { host: "::", port: 8080 }],
    ["nas.lan:0", { host: "nas.lan", port: 0 }],
  ])("is read: %s", (text, expected) => {
    expect(parseListenAddress(text, "X")).toEqual(expected)
  })

  it.each([
    "8080",
    "",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "::1:8080",
    "[1.2.3.4]:1",
    "a b:1",
    "http://a:1",
  ])("is refused: %s", (text) => {
    expect(() => parseListenAddress(text, "X")).toThrow(ConfigError)
  })
})

describe("the admin socket", () => {
  it("lies in the state directory", () => {
    expect(adminSocketPath("/var/lib/cistern")).toBe("/var/lib/cistern/cistern.sock")
  })

  it("is named from the working directory when its path is too long for the kernel", () => {
    const deep = `/${"d".repeat(60)}/${"e".repeat(60)}`
    expect(adminSocketPath(`${deep}/state`, deep)).toBe("state/cistern.sock")
  })

  it("is refused when no name of it is short enough", () => {
    expect(() => adminSocketPath(`/${"d".repeat(200)}`, "/elsewhere")).toThrow(ConfigError)
  })
})
