import type { ErrorJson } from "../../catalog/rpc.js"

/** To the thread that answers. `id` names one answer. */
export type ToSender<Request> =
  | { readonly type: "open"; readonly id: number; readonly request: Request }
  /** So many bytes more were taken. */
  | { readonly type: "credit"; readonly id: number; readonly bytes: number }
  /** Nobody wants the rest. */
  | { readonly type: "cancel"; readonly id: number }

/** From the thread that answers: a head, then pieces and notes, then an end; an error instead of what is still to come. */
export type FromSender<Head, Note> =
  | { readonly type: "head"; readonly id: number; readonly head: Head }
  | { readonly type: "piece"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "note"; readonly id: number; readonly note: Note }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "error"; readonly id: number; readonly error: ErrorJson }

/** What a MessagePort and a Worker have in common. */
export interface StreamPort {
  postMessage(value: unknown, transfer?: readonly ArrayBuffer[]): void
  on(event: "message", listener: (value: unknown) => void): unknown
}
