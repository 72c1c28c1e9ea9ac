import { asCorrupt } from "../errors.js"

/** What a disk says of its own health. A figure that it does not tell is undefined. */
export interface SmartFigures {
  readonly model: string | undefined
  readonly serial: string | undefined
  /** Its own verdict: false means that it expects to fail. */
  readonly passed: boolean | undefined
  readonly temperatureC: number | undefined
  /** Above it, it is too hot by its own account. */
  readonly limitC: number | undefined
  readonly powerOnHours: number | undefined
  /** Sectors that it replaced, that it waits to replace, that it could not read. */
  readonly reallocated: number | undefined
  readonly pending: number | undefined
  readonly uncorrectable: number | undefined
  /** NVMe: reads and writes that failed. */
  readonly mediaErrors: number | undefined
  /** NVMe: how much of the life that it was made for is used; may be above 100. */
  readonly wearPercent: number | undefined
  /** NVMe: reserve that is left, and how little is too little, in percent. */
  readonly spare: { readonly percent: number; readonly threshold: number } | undefined
  /** ATA: attributes that are at or below their threshold now. */
  readonly failingAttributes: readonly string[]
}

export type SmartReport =
  | { readonly kind: "told"; readonly figures: SmartFigures }
  /** It sleeps, and was not woken. */
  | { readonly kind: "asleep" }
  | { readonly kind: "untold"; readonly why: string }

type Json = Readonly<Record<string, unknown>>

/** Attributes of ATA by their number: the makers agree on few, and these are among them. */
const REALLOCATED = 5
const PENDING = 197
const UNCORRECTABLE = 198

/**
 * Reads what `smartctl -n standby --json -a` printed. The exit code is not needed: 2 is a sleeping disk, one that is not there and one
 * that may not be opened alike. Throws StorageError `corrupt` for what is no such document.
 */
export function parseSmart(text: string, device: string): SmartReport {
  const whole = jsonOf(text, device)
  const told = objectAt(whole, "smartctl")
  const messages = listAt(told, "messages").flatMap((one) => textAt(one, "string") ?? [])
  if (isAsleep(whole, messages)) return { kind: "asleep" }
  const support = objectAt(whole, "smart_support")
  const passed = booleanAt(objectAt(whole, "smart_status"), "passed")
  if (passed === undefined && booleanAt(support, "available") !== true) {
    const why = messages[0] ?? "the disk has no SMART, or it is behind a controller that hides it"
    return { kind: "untold", why }
  }
  const log = objectAt(whole, "nvme_smart_health_information_log")
  const attributes = listAt(objectAt(whole, "ata_smart_attributes"), "table")
  const [percent, threshold] = [numberAt(log, "available_spare"), numberAt(log, "available_spare_threshold")]
  const temperature = objectAt(whole, "temperature")
  return {
    kind: "told",
    figures: {
      model: textAt(whole, "model_name") ?? textAt(whole, "scsi_model_name"),
      serial: textAt(whole, "serial_number"),
      passed,
      temperatureC: numberAt(temperature, "current"),
      limitC:
        numberAt(temperature, "op_limit_max") ??
        numberAt(temperature, "drive_trip") ??
        numberAt(objectAt(whole, "scsi_temperature"), "drive_trip") ??
        numberAt(objectAt(whole, "nvme_composite_temperature_threshold"), "warning"),
      powerOnHours: numberAt(objectAt(whole, "power_on_time"), "hours"),
      reallocated: attribute(attributes, REALLOCATED) ?? numberAt(whole, "scsi_grown_defect_list"),
      pending: attribute(attributes, PENDING),
      uncorrectable: attribute(attributes, UNCORRECTABLE),
      mediaErrors: numberAt(log, "media_errors"),
      wearPercent: numberAt(log, "percentage_used"),
      spare: percent === undefined || threshold === undefined ? undefined : { percent, threshold },
      failingAttributes: attributes
        .filter((one) => textAt(one, "when_failed") === "now")
        .flatMap((one) => textAt(one, "name") ?? []),
    },
  }
}

/** From 7.5 on by a number (ACS-3: 0 and 1 are standby, -1 is sleep), before by a message. */
function isAsleep(whole: Json, messages: readonly string[]): boolean {
  const mode = numberAt(objectAt(whole, "power_mode"), "ata_value")
  if (mode !== undefined) return mode <= 1
  return messages.some((message) => /^Device is in (STANDBY|SLEEP)\b.* mode/.test(message))
}

/** The raw number as smartctl shows it: makers hide other numbers in the upper bytes ("31 (Min/Max 31/31)"). */
function attribute(table: readonly Json[], id: number): number | undefined {
  const raw = objectAt(
    table.find((one) => numberAt(one, "id") === id),
    "raw",
  )
  const shown = /^\d{1,15}/.exec(textAt(raw, "string") ?? "")?.[0]
  return shown === undefined ? undefined : Number(shown)
}

function jsonOf(text: string, device: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value) && isObject(value["smartctl"])) return value
  } catch (cause) {
    throw asCorrupt(cause, device, "smartctl printed no JSON")
  }
  throw asCorrupt(undefined, device, "smartctl printed something else than its report")
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function objectAt(from: Json | undefined, key: string): Json | undefined {
  const value = from?.[key]
  return isObject(value) ? value : undefined
}

function listAt(from: Json | undefined, key: string): Json[] {
  const value = from?.[key]
  return Array.isArray(value) ? value.filter(isObject) : []
}

function numberAt(from: Json | undefined, key: string): number | undefined {
  const value = from?.[key]
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

function textAt(from: Json | undefined, key: string): string | undefined {
  const value = from?.[key]
  return typeof value === "string" ? value : undefined
}

function booleanAt(from: Json | undefined, key: string): boolean | undefined {
  const value = from?.[key]
  return typeof value === "boolean" ? value : undefined
}
