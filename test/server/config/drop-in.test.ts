import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  type DropIn,
  type Environment,
  readDropIn,
  repositoryPathFault,
} from "../../../server/config/index.js"
import { scratch } from "../../support/fixtures.js"

// Every row of cluster-side §3.4 "Config".

const s3 = { S3_ENDPOINT: "nas:9000", S3_BUCKET: "volsync", S3_ACCESS_KEY: "AK", S3_SECRET_KEY: "hidden-sk" }
const kopia = { BACKEND_TYPE: "kopia-fs", KOPIA_PASSWORD: "hidden-password" }
const kopiaS3 = { BACKEND_TYPE: "kopia-s3", KOPIA_S3_ENDPOINT: "nas:9000", KOPIA_S3_BUCKET: "volsync" }
const bucketCredentials = {
  KOPIA_PASSWORD: "hidden-password",
  AWS_ACCESS_KEY_ID: "AK",
  AWS_SECRET_ACCESS_KEY: "hidden-sk",
}

describe("the drop-in", () => {
  it("is off without BACKEND_TYPE and without all four S3 variables", () => {
    expect(readDropIn({})).toBeUndefined()
    expect(readDropIn({ BACKEND_TYPE: "", PORT: "9090", LOG_LEVEL: "debug" })).toBeUndefined()
    expect(readDropIn({ ...s3, S3_BUCKET: undefined })).toBeUndefined()
  })

  it("loads s3 as given", () => {
    const env = { ...s3, S3_SECURE: "true", HTTP_TIMEOUT: "5s", PORT: "9090", LOG_LEVEL: "debug" }
    expect(readDropIn({ BACKEND_TYPE: "s3", ...env })).toMatchObject({
      backend: "s3",
      endpoint: "nas:9000",
      bucket: "volsync",
      tls: true,
      httpTimeoutMs: 5_000,
      port: 9090,
      logLevel: "debug",
    })
  })

  it("takes s3 with its defaults when only the four variables are set", () => {
    expect(readDropIn(s3)).toMatchObject({
      backend: "s3",
      tls: false,
      httpTimeoutMs: 3_000,
      cacheTtlMs: 60_000,
      reWarmIntervalMs: 90_000,
      port: 8080,
      logLevel: "info",
    })
  })

  it.each(Object.keys(s3))("refuses s3 without %s", (name) => {
    expect(faultOf({ BACKEND_TYPE: "s3", ...s3, [name]: "" })).toBe(
      `${name} is required for s3, and it is not set`,
    )
  })

  it.each([
    ["HTTP_TIMEOUT", "invalid", 'HTTP_TIMEOUT="invalid" is not a duration such as 500ms, 3s or 1m30s'],
    ["HTTP_TIMEOUT", "0s", 'HTTP_TIMEOUT="0s" must be longer than 0s'],
    ["CACHE_TTL", "5", 'CACHE_TTL="5" is not a duration such as 500ms, 3s or 1m30s'],
    ["S3_SECURE", "notabool", 'S3_SECURE="notabool" is neither true nor false'],
    ["BACKEND_TYPE", "invalid", 'BACKEND_TYPE="invalid" must be one of s3, kopia-fs, kopia-s3'],
    ["RE_WARM_INTERVAL", "-30s", 'RE_WARM_INTERVAL="-30s" must not be negative; 0s switches it off'],
    ["RE_WARM_INTERVAL", "soon", 'RE_WARM_INTERVAL="soon" is not a duration such as 500ms, 3s or 1m30s'],
    ["PORT", "http", 'PORT="http" is not a port from 0 to 65535'],
    ["PORT", "65536", 'PORT="65536" is not a port from 0 to 65535'],
  ])("refuses %s=%s", (name, value, fault) => {
    expect(faultOf({ BACKEND_TYPE: "s3", ...s3, [name]: value })).toBe(fault)
  })

  it("reads a timeout in milliseconds", () => {
    expect(readDropIn({ ...s3, HTTP_TIMEOUT: "500ms" })?.httpTimeoutMs).toBe(500)
  })

  it.each<[string | undefined, number | undefined]>([
    [undefined, 90_000],
    ["60s", 60_000],
    ["2m", 120_000],
    ["0s", undefined],
  ])("reads RE_WARM_INTERVAL %s", (value, ms) => {
    expect(readDropIn({ ...s3, RE_WARM_INTERVAL: value })?.reWarmIntervalMs).toBe(ms)
  })

  it("takes an unknown LOG_LEVEL for info", () => {
    expect(readDropIn({ ...s3, LOG_LEVEL: "chatty" })?.logLevel).toBe("info")
    expect(readDropIn({ ...s3, LOG_LEVEL: "WARN" })?.logLevel).toBe("warn")
  })

  it("takes kopia-fs with a path and a password", () => {
    const dropIn = readDropIn({ ...kopia, KOPIA_REPOSITORY_PATH: "/srv/kopia" }) as DropIn & {
      backend: "kopia-fs"
    }
    expect(dropIn).toMatchObject({ backend: "kopia-fs", repositoryPath: "/srv/kopia" })
    expect(dropIn.password.reveal()).toBe("hidden-password")
    expect(dropIn).not.toHaveProperty("refusal")
  })

  it("looks at /repository when no path is set", () => {
    expect(readDropIn(kopia)).toMatchObject({ repositoryPath: "/repository" })
  })

  it("refuses kopia-fs without a password", () => {
    expect(faultOf({ BACKEND_TYPE: "kopia-fs" })).toBe(
      "KOPIA_PASSWORD is required for kopia-fs, and it is not set",
    )
  })

  it.each<[string | undefined, boolean]>([
    ["true", false],
    [undefined, true],
  ])("takes kopia-s3 with KOPIA_S3_DISABLE_TLS %s", (value, tls) => {
    expect(readDropIn({ ...kopiaS3, KOPIA_S3_DISABLE_TLS: value })).toMatchObject({
      backend: "kopia-s3",
      endpoint: "nas:9000",
      bucket: "volsync",
      tls,
    })
  })

  it.each([
    ["KOPIA_S3_ENDPOINT", "", "KOPIA_S3_ENDPOINT is required for kopia-s3, and it is not set"],
    ["KOPIA_S3_BUCKET", "", "KOPIA_S3_BUCKET is required for kopia-s3, and it is not set"],
    ["KOPIA_S3_DISABLE_TLS", "perhaps", 'KOPIA_S3_DISABLE_TLS="perhaps" is neither true nor false'],
  ])("refuses kopia-s3 with %s=%j", (name, value, fault) => {
    expect(faultOf({ ...kopiaS3, [name]: value })).toBe(fault)
  })

  it("leaves the credentials of kopia-s3 to files that may come later", () => {
    expect(readDropIn(kopiaS3)).toMatchObject({ backend: "kopia-s3" })
  })

  it.each(Object.keys(bucketCredentials))("wants %s when the credentials' path is set empty", (name) => {
    const env = { ...kopiaS3, KOPIA_CREDENTIALS_PATH: "", ...bucketCredentials }
    expect(readDropIn(env)).toMatchObject({ backend: "kopia-s3" })
    expect(faultOf({ ...env, [name]: undefined })).toMatch(new RegExp(`^${name} is required for kopia-s3 `))
  })

  it.each([s3, { ...s3, BACKEND_TYPE: "s3" }, kopiaS3])("says that reading S3 has not landed: %j", (env) => {
    const dropIn = readDropIn(env)
    expect(dropIn).toMatchObject({
      refusal: expect.stringContaining("reading repositories in S3 has not landed") as unknown,
    })
  })

  it("tells every fault at once and no secret", () => {
    const fault = faultOf({
      ...s3,
      S3_ENDPOINT: "",
      S3_SECURE: "x",
      PORT: "x",
      HTTP_TIMEOUT: "x",
      BACKEND_TYPE: "s3",
    })
    for (const name of ["S3_ENDPOINT", "S3_SECURE", "PORT", "HTTP_TIMEOUT"]) expect(fault).toContain(name)
    expect(fault).not.toContain("hidden")
    expect(JSON.stringify(readDropIn({ ...kopia }))).not.toContain("hidden")
    expect(JSON.stringify(readDropIn(s3))).not.toContain("hidden")
  })
})

describe("the repository path of the drop-in", () => {
  it("is right when it is there", async () => {
    expect(await repositoryPathFault(scratch())).toBeUndefined()
  })

  it("is refused when it is not there", async () => {
    const path = join(scratch(), "absent")
    expect(await repositoryPathFault(path)).toBe(
      `KOPIA_REPOSITORY_PATH="${path}" does not exist: mount the repository there`,
    )
  })
})

function faultOf(env: Environment): string {
  try {
    readDropIn(env)
  } catch (error) {
    return (error as Error).message
  }
  return "no fault"
}
