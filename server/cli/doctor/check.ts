import type { CheckJson } from "../../http/contract/admin.js"

export function ok(name: string, detail: string): CheckJson {
  return { name, status: "ok", detail, hint: null }
}

export function warn(name: string, detail: string, hint: string): CheckJson {
  return { name, status: "warn", detail, hint }
}

export function fail(name: string, detail: string, hint: string): CheckJson {
  return { name, status: "fail", detail, hint }
}
