import { Secret } from "../../secret.js"

export type FormValue =
  string | number | boolean | Secret | readonly unknown[] | Readonly<Record<string, unknown>>
export type FormValues = Readonly<Record<string, FormValue>>

/** How an API wants the values of its parameters: each one as JSON, or strings as they are. */
export type FormStyle = "json" | "plain"

/** `application/x-www-form-urlencoded` (reference nas-platforms.md §3.1). Holds secrets: for a body, never for a URL. */
export function encodeForm(fixed: FormValues, values: FormValues, style: FormStyle): string {
  const fields = [
    ...Object.entries(fixed).map(([name, value]) => [name, plain(value)] as const),
    ...Object.entries(values).map(
      ([name, value]) => [name, style === "json" ? json(value) : plain(value)] as const,
    ),
  ]
  return fields.map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`).join("&")
}

function plain(value: FormValue): string {
  if (value instanceof Secret) return value.reveal()
  return typeof value === "string" ? value : JSON.stringify(value)
}

function json(value: FormValue): string {
  return JSON.stringify(value instanceof Secret ? value.reveal() : value)
}
